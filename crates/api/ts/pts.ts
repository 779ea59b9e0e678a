// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

/** What became of everything that was asked for. */
export interface AccountReport {
  /** Of all of it, rows beyond the limit too. */
  totals: Tally;
  /** By token and source, those that sent most first. */
  rows: AccountRow[];
}

/** The account of one token and source. */
export interface AccountRow {
  /** The token's id; null for what was stored before tokens were remembered. */
  token: string | null;
  /** The source; `(unknown)` for what does not say, `(other)` for what was too much to tell apart. */
  source: string;
  /** Events that were received. */
  received: number;
  /** Of these, in the log, or removed from it by retention since. */
  stored: number;
  /** There already when they came. */
  repeated: number;
  /** Not valid, and put aside. */
  quarantined: number;
  /** Not taken: a conflict, an overload, a store that was away, or not valid and no room. */
  refused: number;
}

/** When to answer. */
export type Ack = "committed" | "accepted";

/** One action, as its declaration says it. */
export interface ActionRecord {
  /** Its name: the `actionKey` of `POST /v1/actions`. */
  key: string;
  /** What it does, in a line. */
  summary: string;
  /** What a caller should know beyond that. */
  description: string;
  /** What a caller must be allowed to do. */
  scope: Scope;
  /** What it does to the world. */
  effect: Effect;
  /** Whether it shows first what it would do, and does it only when that is confirmed. */
  risky: boolean;
  /** The method of its route. */
  method: Method;
  /** The path of its route; `{name}` stands for the field `name` of the input. */
  path: string;
  /** Other paths that lead to the same place. */
  aliases: string[];
  /** How input and output travel over its route; a stream, a download and a feed have only that. */
  binding: Binding;
  /** In which media types a download or a feed is written, the usual one first. */
  media_types?: string[];
  /** JSON Schema (2020-12) of its input. */
  input_schema: unknown;
  /**
   * JSON Schema (2020-12) of what it gives: of `data`, or of each event of a stream or a
   * download.
   */
  output_schema: unknown;
  /** Inputs that show what it is for. */
  examples: unknown[];
}

/** What kind of actor somebody is. */
export type ActorKind = "bearer" | "session" | "service" | "console" | "itself" | "unknown";

/** Somebody or something that a risky action would affect. */
export interface Affected {
  /** What it is: `source`, `type`, `token`, `everybody`. */
  kind: string;
  /** Its name; for a kind that is one alone, how it is affected. */
  name: string;
  /** By how many rows, where that has a meaning. */
  rows?: number | null;
}

/** A mark on a graph, as Grafana takes it. */
export interface Annotation {
  /** When it began, in milliseconds since 1970. */
  time: number;
  /** When it ended, or the end of the window for an incident that goes on; absent for a moment. */
  timeEnd?: number | null;
  /** What it is, in a line. */
  title: string;
  /** More about it. */
  text: string;
  /** Its kind, status, severity, service and environment. */
  tags: string[];
}

/** What may be marked. */
export type AnnotationKind = "deployment" | "incident";

/** Which marks are wanted. Everything that is given must hold. */
export interface AnnotationsInput {
  /** What went on at this moment or later; a day before `to` if not given. */
  from?: DashboardMoment | null;
  /** What began before this moment; now if not given. */
  to?: DashboardMoment | null;
  /** Of these kinds; all if not given. */
  kind?: AnnotationKind[];
  /** Of this service. */
  service?: string | null;
  /** Where. */
  environment?: string | null;
}

/** What a query returns. */
export interface Answer<T> {
  /** What was asked for. */
  data: T;
  /** Where it comes from, and what is missing. */
  coverage: Coverage;
  /** What the reader should know before relying on it. */
  warnings: string[];
  /** Where the next page begins; absent on the last page and where there are no pages. */
  next_cursor?: string | null;
}

/** Which events are appended, and how. Over `POST /v1/events`, the events are the body. */
export interface AppendInput {
  /**
   * One event, or 1 to 10,000 of them. An event that comes alone and is not accepted is an error;
   * of several, each has its result.
   */
  events: Events;
  /** `only` checks the events and stores nothing. */
  validate?: Validate | null;
  /**
   * When to answer: `committed` (the default) is after the events are safe on disk; `accepted` is
   * at once, for senders who would rather lose an event than wait.
   */
  ack?: Ack | null;
}

/** One thing that somebody did, or tried to. */
export interface AuditEntry {
  /** Its number in the chain; there are no holes. */
  sequence: number;
  /** Names it. */
  id: string;
  /** When it happened; for several that are told as one, when the first did. */
  at: string;
  /** When the last of them did. */
  last_at: string;
  /** How many they are; one but for denials that repeat each other. */
  times: number;
  /** Who it was. */
  principal: AuditPrincipal;
  /** What they did, such as `platform.quarantine.discard`, `access.sign_in` or `access.authenticate`. */
  action: string;
  /** What that does to the world. */
  effect: Effect;
  /**
   * How it ended. What changes something is told twice: as `intended` before it is done, and by how
   * it ended.
   */
  outcome: Outcome;
  /** Why it ended so. */
  reason: string | null;
  /** SHA-256 of the input, its JSON spelt in one way. */
  input: Hash | null;
  /** The request that it came with. */
  request_id: string | null;
  /** Where that came from. */
  address: string | null;
  /** The workspace that it was about. */
  workspace: string | null;
  /** The id of the entry that announced it. */
  intent: string | null;
  /** The hash of the entry before it. */
  previous: Hash;
  /** Its own hash, which names everything up to it. */
  hash: Hash;
}

/** Where the chain ends, and what is signed of it. */
export interface AuditHead {
  /** The number of the last entry; 0 where there is none. */
  sequence: number;
  /** Its hash. */
  hash: Hash;
  /** The key that the process that answers signs with, if it does. */
  key: AuditKey | null;
  /** The checkpoint of the last entry that was signed, by any process. */
  checkpoint: Checkpoint | null;
}

/** A key that checkpoints are signed with. */
export interface AuditKey {
  /** Its name in checkpoints. */
  id: KeyId;
  /** The Ed25519 public key, as 64 hex digits: what `pts-server audit verify --public-key` takes. */
  public_key: string;
}

/** Who it was. */
export interface AuditPrincipal {
  /** What kind of actor it is. */
  kind: ActorKind;
  /** What the token is called; `console`, `itself` or `unknown` where there was none. */
  name: string;
  /** The token's id. */
  id: string | null;
  /** The person or account behind it, where that is known. */
  subject: string | null;
}

/** What the sender of a batch is told: one result per event, in order. */
export interface BatchResult {
  /** Events stored now. */
  created: number;
  /** Events that were there already. */
  duplicates: number;
  /** Events that were not accepted. */
  rejected: number;
  /** One result per event, in order. */
  items: ItemResult[];
}

/** How an action's input and output travel over HTTP. */
export type Binding = "query" | "command" | "ingest" | "stream" | "download" | "feed";

/** Which action is to be carried out, and with what. */
export interface Call {
  /** The action's name, such as `platform.events.search`. */
  actionKey: string;
  /** Its input; nothing stands for an input that says nothing. */
  payload?: Record<string, unknown>;
  /** Of a question: whether an answer may be incomplete. `partial=deny` in the query says the same. */
  partial?: Partial | null;
  /**
   * Of a risky action: what confirms the preview that it was answered with before. The header
   * `PTS-Confirm` says the same.
   */
  confirm?: string | null;
}

/** Why an action was not carried out. */
export interface CallError {
  /** A stable word for programs, such as `invalid_input`; the `code` of problem documents. */
  code: string;
  /** What is wrong, and what would help. */
  message: string;
  /** More, for programs. */
  details: Details;
}

/** What is said beside the data or the error. */
export interface CallMeta {
  /** The request: the same id stands in the server's log. */
  requestId: string;
  /** What the answer rests on, and what is missing. */
  coverage?: Coverage | null;
  /** What the reader should know before relying on it. */
  warnings?: string[];
  /** Where the next page begins; absent on the last page and where there are no pages. */
  next_cursor?: string | null;
}

/** Which share of the deployments led to a rollback or an incident. */
export interface ChangeFailRate {
  /** 0 to 1; absent without deployments. */
  rate: number | null;
  /** Deployments that were rolled back or are named by an incident. */
  failed: number;
  /** Of so many. */
  deployments: number;
}

/** How long a change takes from commit to users, over deployments whose commit time is known. */
export interface ChangeLeadTime {
  /** Median, in seconds; absent when no commit time is known. */
  median_s: number | null;
  /** 90th percentile (nearest rank), in seconds. */
  p90_s: number | null;
  /** Over how many deployments. */
  deployments: number;
}

/** A signed head. */
export interface Checkpoint {
  /** The number of the last entry. */
  sequence: number;
  /** Its hash, which names every entry up to it. */
  hash: Hash;
  /** When it was signed. */
  at: string;
  /** By which key. */
  key: KeyId;
  /** What that key says of all this. */
  signature: Signature;
}

/** Which moments, and where. */
export interface CompareMomentsInput {
  /** The earlier moment: when all was well, say. */
  from: Moment;
  /** The later moment; now if not given. */
  to?: Moment | null;
  /** Of this service. */
  service?: string | null;
  /** Where. */
  environment?: string | null;
}

/** What was declared to run at one moment and not, or not the same, at another. */
export interface Comparison {
  /** The earlier moment. */
  from: string;
  /** The later moment. */
  to: string;
  /** What differs, by service and environment. */
  changes: RunChange[];
  /** How many ran at both moments and are the same. */
  same: number;
}

/** The operational state of one component. */
export interface ComponentState {
  /** Which component. */
  component: string;
  /** Where, if it was said. */
  environment: string | null;
  /** The service it belongs to, if it was said. */
  service: string | null;
  /** The state it is in. */
  state: string;
  /** Since when. */
  since: string;
  /** The last hundred changes, by the time they happened, oldest first. */
  timeline: StateChange[];
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one. */
  last_position: number;
}

/** What one setting is set to. */
export interface ConfigEntry {
  /** The service it configures; absent for the platform's own. */
  service: string | null;
  /** Where, if it was said. */
  environment: string | null;
  /** Which setting. */
  key: string;
  /** The value; null when it was removed. */
  value: unknown;
  /** The value before, as known here or as its sender said. */
  previous: unknown;
  /** When it was changed. */
  changed_at: string;
  /** Who or what changed it. */
  actor: string | null;
  /** Why, in words. */
  reason: string | null;
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one. */
  last_position: number;
}

/**
 * With what a preview is confirmed: once, by whoever was shown it, for the same action and input,
 * while things are as they were shown.
 */
export interface Confirm {
  /** The text to send in `PTS-Confirm`, or as `confirm` beside the payload. */
  token: string;
  /** Until when. */
  expires_at: string;
}

/** An event that does not fit the state it met. */
export interface Contradiction {
  /** The event's place in the log. */
  position: number;
  /** The event's internal id. */
  event_id: string;
  /** When the event happened. */
  time: string;
  /** What it is about, such as `deployment payments/production/d-42`. */
  about: string;
  /** What does not fit, as a stable word such as `finished_without_start`. */
  code: string;
  /** What does not fit, in words. */
  message: string;
}

/** What an answer rests on. */
export interface Coverage {
  /** False as soon as anything is known to be missing. */
  complete: boolean;
  /** The sources that were asked. */
  sources: Source[];
  /** What is known to be missing. */
  gaps: Gap[];
}

/** What a new token shall be. */
export interface CreateTokenInput {
  /** What to call it: who will use it. 1 to 200 characters. */
  name: string;
  /** What it allows. */
  scopes?: Scope[];
  /** The roles that it allows as well, by their names. */
  roles?: string[];
  /**
   * The only workspace that it reaches; any if not given. Whoever is bound to one makes tokens that
   * are bound to it.
   */
  workspace?: Workspace | null;
  /**
   * Where it may be used from, such as `10.1.0.0/16`; from everywhere if not given. Whoever may act
   * from some networks only makes tokens that may be used from these.
   */
  networks?: Network[];
  /** How long it lasts, up to 3650d; for ever if not given. */
  lasts?: Span | null;
}

/** A token that was made. */
export interface CreatedToken {
  /** Its text: a secret that is shown here and never again. */
  text: string;
  /** What is kept of it. */
  token: TokenRecord;
}

/** Milliseconds since 1970, an RFC 3339 time, a span back from now, or `now`. */
export type DashboardMoment = string;

/** What is decided on which request, and why. */
export interface DecideElevationInput {
  /** The request. */
  id: string;
  /** What is decided. */
  verdict: Verdict;
  /** Why, for whoever asks later; 1 to 500 characters. */
  reason: string;
}

/** A rule that decided something. */
export interface DecidingRule {
  /** Its name. */
  id: string;
  /** Whether it permits; one that does not forbids, and wins. */
  permits: boolean;
}

/** What the deployments say runs in an environment. */
export interface Declared {
  /** The version; absent when nobody named one. */
  version: string | null;
  /** The image, where it was named. */
  image: string | null;
  /** The commit, where it was named. */
  commit: string | null;
  /**
   * The deployment that brought it; after a rollback to a version that no deployment here
   * brought, none.
   */
  deployment_id: string | null;
  /** Since when. */
  since: string;
}

/** What is known of one deployment. */
export interface Deployment {
  /** The service. */
  service: string;
  /** Where it was deployed to. */
  environment: string;
  /** The sender's name for the attempt. */
  deployment_id: string;
  /** How far it has come. */
  status: DeploymentStatus;
  /** When that was reached. */
  status_at: string;
  /** The version that it brings. */
  version: string | null;
  /** The image that it brings. */
  image: string | null;
  /** The commit that the version was built from. */
  commit: string | null;
  /** When that commit was made. */
  commit_time: string | null;
  /** Who or what acted. */
  actor: string | null;
  /** The pipeline's run. */
  pipeline_url: string | null;
  /** Why, in words; the newest that was given. */
  reason: string | null;
  /** What ran before, as its sender said. */
  previous_version: string | null;
  /**
   * What ran before, as worked out from the deployment before it: this is what a rollback
   * returns to.
   */
  replaced: Declared | null;
  /** Whether its sender called it unplanned work. */
  unplanned: boolean | null;
  /** When it was asked for. */
  requested_at: string | null;
  /** When it began. */
  started_at: string | null;
  /** When it succeeded. */
  succeeded_at: string | null;
  /** When it ended, however it ended; absent while it goes on. */
  finished_at: string | null;
  /** When it was taken back. */
  rolled_back_at: string | null;
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one so far. */
  last_position: number;
  /** How many events named it. */
  event_count: number;
  /** The last hundred of those events, in the order of the log. */
  events: EventRef[];
}

/** A deployment and where the knowledge of it comes from. */
export interface DeploymentDetail {
  /** The deployment. */
  deployment: Deployment;
  /** The events that made it, in the order of the log; the last hundred. */
  events: EventRecord[];
  /** What in them did not fit, newest first; at most a hundred. */
  contradictions: Contradiction[];
}

/** How often changes reach users. */
export interface DeploymentFrequency {
  /** Deployments that succeeded in the window, those rolled back later among them. */
  deployments: number;
  /** The same per day of the window. */
  per_day: number;
  /** Attempts that ended in the window without reaching users: failed or cancelled. */
  attempts_without_success: number;
}

/** How far a deployment has come. */
export type DeploymentStatus = "requested" | "started" | "succeeded" | "failed" | "cancelled" | "rolled_back";

/** Which deployments are wanted. Everything that is given must hold. */
export interface DeploymentsFeedInput {
  /** Of this service. */
  service?: string | null;
  /** Into this environment. */
  environment?: string | null;
  /** Of this status. */
  status?: DeploymentStatus | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
}

/** What a program may want to know of an error. */
export interface Details {
  /** The HTTP status. */
  status: number;
  /** The fields that are wrong, if any are; those of the input begin with `payload`. */
  errors?: FieldError[];
  /** What would have been missing, where an incomplete answer was refused. */
  coverage?: Coverage | null;
  /** Where an event that is not valid was put aside, from where it can be sent again. */
  quarantine_id?: string | null;
  /** What a risky action would do. */
  preview?: Preview | null;
  /** With what that is confirmed. */
  confirm?: Confirm | null;
}

/** Which items are given up, and why. */
export interface DiscardQuarantinedInput {
  /** The items, 1 to 1,000. */
  ids: string[];
  /** Why, for whoever asks later; 1 to 500 characters. */
  reason: string;
}

/** What was given up. */
export interface DiscardReport {
  /** Items that were given up now. */
  discarded: number;
  /** Those that were not waiting, or not there. */
  others: string[];
}

/** An action was carried out. */
export interface Done<T> {
  /** True. */
  ok: boolean;
  /** What it gave: the `data` of its answer. */
  data: T;
  /** The rest of its answer. */
  meta: CallMeta;
}

/** The metrics, and of what they are. */
export interface DoraView {
  /** Of this service; absent for all together. */
  service: string | null;
  /** Of this environment; absent for all. */
  environment: string | null;
  /** The period. */
  window: Window;
  /** How often changes reach users. */
  deployment_frequency: DeploymentFrequency;
  /** How long a change takes from commit to users. */
  change_lead_time: ChangeLeadTime;
  /** Which share of the changes hurt. */
  change_fail_rate: ChangeFailRate;
  /** How long it takes to recover from a change that hurt. */
  failed_deployment_recovery_time: RecoveryTime;
  /** Which share of the deployments was work that production forced. */
  rework_rate: ReworkRate;
  /** What the figures above leave out. */
  unattributed: Unattributed;
}

/** What an action does to the world. */
export type Effect = "read" | "write" | "control";

/** A request for scopes, and what became of it. */
export interface ElevationRecord {
  /** Names it. */
  id: string;
  /** What it is now. */
  state: ElevationState;
  /** Whose it is: `token:<id>` or `person:<subject>`. */
  holder: Holder;
  /** What the token is called that it was asked with. */
  name: string;
  /** The only workspace in which it holds. */
  workspace?: Workspace | null;
  /** What is asked for. */
  scopes: Scope[];
  /** What for. */
  reason: string;
  /** How long it lasts from its approval. */
  minutes: number;
  /** How many others have to approve it. */
  needed: number;
  /** How many have. */
  approvals: number;
  /** When it was asked for. */
  requested_at: string;
  /** Who has not decided by then, need not. */
  decide_by: string;
  /** From when its scopes are held; absent while it is not approved. */
  active_from?: string | null;
  /** Until when they are. */
  active_until?: string | null;
  /** What happened since it was asked for, in order. */
  steps: StepRecord[];
}

/** What a request is at a moment. */
export type ElevationState = "requested" | "active" | "denied" | "expired" | "withdrawn" | "ended";

/** Which request is ended, and why. */
export interface EndElevationInput {
  /** The request. */
  id: string;
  /** Why, for whoever asks later; 1 to 500 characters. */
  reason?: string | null;
}

/** What runs in one environment: declared against observed. */
export interface EnvironmentSummary {
  /** The environment. */
  environment: string;
  /** What the deployments say runs there. */
  declared: Declared | null;
  /** What its instances say runs there. */
  observed: ObservedVersion[];
  /** Whether both say the same; absent when one of them says nothing. */
  agrees: boolean | null;
  /** When the service said that it left the environment. */
  deregistered_at: string | null;
}

/** An event in the log. */
export interface EventRecord {
  /** The id that PTS gave it. */
  id: string;
  /** The id that its sender gave it; unique within `source`. */
  event_id: string;
  /** Its place in the log, from 1 without holes. */
  position: number;
  /** Who sent it. */
  source: string;
  /** What kind of event it is. */
  type: string;
  /** What it is about, if its sender said. */
  subject: string | null;
  /** When it happened. */
  time: string;
  /** When PTS received it. */
  received_at: string;
  /** What happened, as it came. */
  data: unknown;
  /** Extension attributes, as they came. */
  attributes?: Record<string, unknown>;
}

/** One of the events that made an aggregate what it is. */
export interface EventRef {
  /** The event's internal id: look it up with `GET /v1/events/{id}`. */
  id: string;
  /** Its place in the log. */
  position: number;
  /** Its type. */
  type: string;
  /** When it happened. */
  time: string;
}

/** One platform event type. */
export interface EventTypeRecord {
  /** The CloudEvents `type`. */
  type: string;
  /** What stands before the dot. */
  family: string;
  /** Version of the data's shape. */
  version: number;
  /** What it says, in a line. */
  summary: string;
  /** Fields of `data` that must be there. */
  required: string[];
  /** JSON Schema (2020-12) of `data`; only when one type is asked for. */
  schema?: unknown;
  /** A whole event, ready to be posted; only when one type is asked for. */
  example?: unknown;
}

export type Events = {
  specversion?: "1.0";
  id?: string | null;
  source: string;
  type: string;
  subject?: string | null;
  time?: string | null;
  data?: unknown;
} | unknown[];

/** A source that is expected to report. */
export interface ExpectedSource {
  /** The source, as its events name it. */
  source: string;
  /** Whether it reports as it should. */
  state: ReporterState;
  /** Seconds within which it should. */
  every_s: number;
  /** Where that is known from. */
  origin: Origin;
  /** When it was last heard; null for one that never was. */
  heard_at: string | null;
}

/** What is to be explained. */
export interface ExplainAccessInput {
  /** A token's or session's id, or a token's name; whoever asks if not given. */
  principal?: string | null;
  /** The action's name, such as `platform.events.search`. */
  action: string;
  /**
   * As if it were asked from this address; from where the request comes, for whoever asks about
   * themselves.
   */
  address?: string | null;
}

/** An action, as rules see it. */
export interface ExplainedAction {
  /** Its name. */
  name: string;
  /** The scope that it needs. */
  scope: Scope;
  /** What it does to the world. */
  effect: Effect;
  /** Whether what it would do is shown first. */
  risky: boolean;
  /** Whether everybody may, as far as it is their own. */
  open: boolean;
}

/** Somebody who may or may not. */
export interface ExplainedPrincipal {
  /** The token's id. */
  id: string;
  /** What it is called. */
  name: string;
  /** How it is presented. */
  kind: TokenKind;
  /** The workspace that it acts in. */
  workspace: Workspace;
  /** Whether that is the only one that it reaches. */
  bound: boolean;
  /** The names of its roles. */
  roles: string[];
  /** What it holds, its roles' included. */
  scopes: Scope[];
}

/** Whether somebody may do something, and by which rule. */
export interface Explanation {
  /** Whether they may. */
  allowed: boolean;
  /** Why, in a sentence. */
  reason: string;
  /** The rules that decided it. None of a refusal means that no rule allows it. */
  rules: DecidingRule[];
  /** Where they have what the action needs from; empty if they do not have it. */
  granted_by: GrantedScope[];
  /** Who they are. */
  principal: ExplainedPrincipal;
  /** What they would do. */
  action: ExplainedAction;
  /** From where, as far as that is known. */
  address: string | null;
  /** When that was decided; a rule may speak of the time. */
  at: string;
}

/** Which entries are wanted, and how they are written. Everything that is given must hold. */
export interface ExportAuditInput {
  /** How they are written. Without it, `Accept` decides; NDJSON if that names neither. */
  format?: ExportFormat | null;
  /** By the name of a token, or the person behind it. */
  principal?: string | null;
  /** By a token's id. */
  token?: string | null;
  /** Actions, any of which will do; `access.*` stands for a family. Repeat it or separate by commas. */
  action?: string[];
  /** That ended so. */
  outcome?: Outcome | null;
  /** About this workspace. */
  workspace?: string | null;
  /** That came with this request. */
  request_id?: string | null;
  /** Happened at this moment or later. */
  since?: Moment | null;
  /** Happened before this moment. */
  until?: Moment | null;
}

/** Which deployments are wanted, and how they are written. Everything that is given must hold. */
export interface ExportDeploymentsInput {
  /** How they are written. Without it, `Accept` decides; NDJSON if that names neither. */
  format?: ExportFormat | null;
  /** Of this service. */
  service?: string | null;
  /** Into this environment. */
  environment?: string | null;
  /** Of this status. */
  status?: DeploymentStatus | null;
  /** Of this version. */
  version?: string | null;
  /** Whose status was reached at this moment or later. */
  since?: Moment | null;
  /** Whose status was reached before this moment. */
  until?: Moment | null;
}

/** How an export is written. */
export type ExportFormat = "ndjson" | "csv";

/** Which incidents are wanted, and how they are written. Everything that is given must hold. */
export interface ExportIncidentsInput {
  /** How they are written. Without it, `Accept` decides; NDJSON if that names neither. */
  format?: ExportFormat | null;
  /** Of this service. */
  service?: string | null;
  /** Where. */
  environment?: string | null;
  /** Of this status. */
  status?: IncidentStatus | null;
}

/** Which events are wanted, and how they are written. Everything that is given must hold. */
export interface ExportInput {
  /** How they are written. Without it, `Accept` decides; NDJSON if that names neither. */
  format?: ExportFormat | null;
  /**
   * Types, any of which will do; `deployment.*` stands for a family. Repeat it or separate by
   * commas.
   */
  type?: string[];
  /** Who sent them. */
  source?: string | null;
  /** `data.service`. */
  service?: string | null;
  /** `data.environment`. */
  environment?: string | null;
  /** What they are about. */
  subject?: string | null;
  /** Happened at this moment or later. */
  since?: Moment | null;
  /** Happened before this moment. */
  until?: Moment | null;
  /** Fields of the data, as `data.<path>=<text>`: `data.actor=alice`. */
  data?: Record<string, string>;
}

/** An action was not carried out. The HTTP status says so too. */
export interface Failed {
  /** False. */
  ok: boolean;
  /** Why. */
  error: CallError;
  /** The request. */
  meta: CallMeta;
}

/** One thing wrong with one field of the input. */
export interface FieldError {
  /** Where: a path from the top of the event, such as `data.environment`. */
  field: string;
  /**
   * What is wrong, as a stable word: `missing`, `invalid`, `unknown`, `too_long`, `too_deep`,
   * `secret`.
   */
  code: string;
  /** What was found there, shortened; absent when nothing was. */
  found?: string | null;
  /** What would have been accepted. */
  expected: string;
}

/** A period about which something is missing. */
export interface Gap {
  /** From when. */
  from: string | null;
  /** Until when; null while it goes on. */
  to: string | null;
  /** Why. */
  reason: string;
  /** How much is missing, where that is known. */
  count: number | null;
}

/** Whose account is wanted. Everything that is given must hold. */
export interface GetAccountingInput {
  /** From the day (UTC) of this moment. */
  since?: Moment | null;
  /** Up to the day (UTC) of this moment; up to midnight is up to the day before. */
  until?: Moment | null;
  /** What came with this token, by its id. */
  token?: string | null;
  /** What came under this source. */
  source?: string | null;
  /** At most so many rows, 1 to 1,000; 100 if not given. */
  limit?: number | null;
}

/** Which action. */
export interface GetActionInput {
  /** Its name. */
  key: string;
}

/** Nothing can be asked for. */
export type GetAuditHeadInput = Record<string, never>;

/** Which deployment. */
export interface GetDeploymentInput {
  /** The sender's name for it. */
  id: string;
  /** Its service; needed where the same id was used by several. */
  service?: string | null;
  /** Its environment; needed where the same id was used in several. */
  environment?: string | null;
}

/** Of what the metrics are wanted. */
export interface GetDoraInput {
  /** How long a period, up to 731 days; `30d` if not given. */
  window?: Span | null;
  /** Where the period ends; now if not given. */
  until?: Moment | null;
  /** Of this service; all together if not given. */
  service?: string | null;
  /** Of this environment; `production` if not given, `*` for all. */
  environment?: string | null;
}

/** Which event. */
export interface GetEventInput {
  /** The id that PTS gave it. */
  id: string;
}

/** Which type. */
export interface GetEventTypeInput {
  /** Its name. */
  type: string;
}

/** Which item. */
export interface GetQuarantinedInput {
  /** The `quarantine_id` that its sender was told. */
  id: string;
}

/** Which service. */
export interface GetServiceInput {
  /** Its name. */
  name: string;
}

/** Which token. */
export interface GetTokenInput {
  /** Its id. */
  id: string;
}

/** A scope that covers an action, and where it is from. */
export interface GrantedScope {
  /** The scope. */
  scope: Scope;
  /** The role that brings it; null if it was given by itself. */
  role: string | null;
}

/** A SHA-256, as hex digits. */
export type Hash = string;

/**
 * Who asks, holds or decides. A person is the same in every session and with every token of theirs;
 * a session that was opened with a token is that token.
 */
export type Holder = string;

/** How far an image has come. */
export type ImageStatus = "known" | "built" | "published" | "promoted" | "retired";

/** An image and where it ran. */
export interface ImageView {
  /** Registry and repository. */
  image: string;
  /** What it is kept under: its digest or, when nobody named one, its tag. */
  reference: string;
  /** The content digest. For an image kept under its tag: where the tag last pointed. */
  digest: string | null;
  /** When the tag was last said to point there, for an image kept under its tag. */
  digest_at: string | null;
  /** The tags that pointed at it. */
  tags: string[];
  /** How far it has come. */
  status: ImageStatus;
  /** When that was reached. */
  status_at: string;
  /** The commit it was built from. */
  commit: string | null;
  /** The service it is of. */
  service: string | null;
  /** Its size in bytes. */
  size_bytes: number | null;
  /** What the newest scan found. */
  vulnerabilities: Vulnerabilities | null;
  /** When that scan was. */
  scanned_at: string | null;
  /** When it was built. */
  built_at: string | null;
  /** When it was published. */
  published_at: string | null;
  /** The environments it was promoted to, and when. */
  promoted: Record<string, string>;
  /** When it was retired. */
  retired_at: string | null;
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one. */
  last_position: number;
  /**
   * The periods in which it ran, as declared and as observed, newest first: runs that name its
   * digest or, where they name none, one of its tags.
   */
  ran: Run[];
}

/** What is known of one incident. */
export interface Incident {
  /** The sender's name for it. */
  incident_id: string;
  /** How far it has come. */
  status: IncidentStatus;
  /** When that was reached. */
  status_at: string;
  /** How bad, in the sender's own terms. */
  severity: string | null;
  /** What it is, in a line. */
  title: string | null;
  /** The service that suffers. */
  service: string | null;
  /** Where. */
  environment: string | null;
  /** The deployment that caused it. */
  deployment_id: string | null;
  /** When it began. */
  opened_at: string | null;
  /** When somebody took it up. */
  acknowledged_at: string | null;
  /** When it ended; absent while it goes on. */
  resolved_at: string | null;
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one. */
  last_position: number;
  /** The last hundred events that named it, in the order of the log. */
  events: EventRef[];
}

/** How far an incident has come. */
export type IncidentStatus = "open" | "acknowledged" | "resolved";

/** Which incidents are wanted. Everything that is given must hold. */
export interface IncidentsFeedInput {
  /** Of this service. */
  service?: string | null;
  /** Where. */
  environment?: string | null;
  /** Of this status. */
  status?: IncidentStatus | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
}

/** What an instance last said of itself. */
export type InstanceState = "registered" | "started" | "ready" | "degraded" | "stopped" | "crashed" | "deregistered";

/** An instance, and whether it can be believed to be alive now. */
export interface InstanceView {
  /** The service it belongs to. */
  service: string;
  /** Where it runs. */
  environment: string;
  /** Its name; `default` when its sender gave none. */
  instance: string;
  /** What it last said of itself. */
  state: InstanceState;
  /** Since when. */
  state_since: string;
  /** The version that it runs. */
  version: string | null;
  /** The image that it runs. */
  image: string | null;
  /** The machine it runs on. */
  host: string | null;
  /** Its process id. */
  pid: number | null;
  /** How its last process ended. */
  exit_code: number | null;
  /** Why, in words; the newest that was given. */
  reason: string | null;
  /** For so many seconds it may be silent. */
  ttl_s: number | null;
  /** When its process last started. */
  started_at: string | null;
  /** When it was last heard of. */
  last_seen_at: string;
  /** The period that goes on now, or went on last. */
  run: Run | null;
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one. */
  last_position: number;
  /** Whether it can be believed to be alive now. */
  liveness: Liveness;
  /** When it will count, or did begin to count, as silent. */
  expires_at: string | null;
}

/** The result of one event of a batch. */
export interface ItemResult {
  /** Its place in the batch, from 0. */
  index: number;
  /** What became of it. */
  status: ItemStatus;
  /** The HTTP status it would have had alone. */
  code: number;
  /** The receipt of an event that was accepted. */
  receipt?: Receipt | null;
  /** Why it was not. */
  problem?: Problem | null;
}

/** What became of one event of a batch. */
export type ItemStatus = "created" | "duplicate" | "valid" | "accepted" | "conflict" | "invalid";

/** Which key it was: the first 16 hex digits of the SHA-256 of the public key. */
export type KeyId = string;

/** Which actions are wanted. Everything that is given must hold. */
export interface ListActionsInput {
  /** Those that do this to the world. */
  effect?: Effect | null;
  /** Those that need this scope. */
  scope?: Scope | null;
}

/** Which contradictions are wanted. */
export interface ListContradictionsInput {
  /** About this, spelt as it stands in the answers: `deployment payments/production/d-42`. */
  about?: string | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Which types. */
export interface ListEventTypesInput {
  /** Only this family, such as `deployment`. */
  family?: string | null;
}

/** Which sources are wanted. */
export interface ListExpectationsInput {
  /** In this state. */
  state?: ReporterState | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Nothing to choose. */
export type ListPoliciesInput = Record<string, never>;

/** Nothing to choose. */
export type ListRolesInput = Record<string, never>;

/** Which services are wanted. */
export interface ListServicesInput {
  /** Only those known in this environment. */
  environment?: string | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Which sessions are wanted. */
export interface ListSessionsInput {
  /** Only one's own, whoever else's could be seen. */
  mine?: boolean | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Which states are wanted. Everything that is given must hold. */
export interface ListStatesInput {
  /** Of this component. */
  component?: string | null;
  /** Where. */
  environment?: string | null;
  /** Of this service. */
  service?: string | null;
  /** Only components in this state. */
  state?: string | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Which tokens are wanted. Everything that is given must hold. */
export interface ListTokensInput {
  /** Those that are presented so; `bearer` if not given. */
  kind?: TokenKind | null;
  /** Those of this name. */
  name?: string | null;
  /** Those that are bound to this workspace. */
  workspace?: Workspace | null;
  /** Ended ones, too; only those that are good if not given. */
  ended?: boolean | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Whether an instance can be believed to be alive, at some moment. */
export type Liveness = "alive" | "silent" | "ended" | "unknown";

/** The HTTP method of an action's route. */
export type Method = "GET" | "POST";

/** An RFC 3339 time, `now`, or a span back from now: 90s, 15m, 1h, 30d, 2w. */
export type Moment = string;

/** Which of one's own requests are wanted. Everything that is given must hold. */
export interface MyElevationsInput {
  /** In this state. */
  state?: ElevationState | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** A network of addresses in CIDR notation, such as `10.1.0.0/16`; a lone address is a network of one. */
export type Network = string;

/** How many instances say that they run a version. */
export interface ObservedVersion {
  /** The version; absent when they named none. */
  version: string | null;
  /** Instances that run it and are alive as far as is known. */
  instances: number;
  /** Instances that should run it and have fallen silent. */
  silent: number;
}

/** Where it is known from how often a source reports. */
export type Origin = "declared" | "learned";

/** How an act ended, as far as it is known. */
export type Outcome = "intended" | "allowed" | "denied" | "failed" | "unknown";

/** Whether an answer may be incomplete. */
export type Partial = "allow" | "deny";

/** The rules in force. */
export interface Policies {
  /** The rules, those first that there always are. */
  policies: PolicyRecord[];
  /** The file that the others are read from; null if there is none. */
  file: string | null;
  /** SHA-256 of that file as it was read, in hexadecimal digits. */
  digest: string | null;
  /** When they were read. */
  loaded_at: string | null;
  /** What a rule can speak of: the schema, in the same language. */
  schema: string;
}

/** A rule. */
export interface PolicyRecord {
  /** Its name. */
  id: string;
  /** Whether it permits; one that does not forbids, and wins. */
  permits: boolean;
  /** Whether it is there always, and not from the file. */
  built_in: boolean;
  /** As it is written, in the Cedar language. */
  text: string;
}

/** What a risky action would do now. */
export interface Preview {
  /** In a sentence. */
  summary: string;
  /** Rows that it would change or remove, or has to go through; absent where that has no meaning. */
  rows?: number | null;
  /** When the first of what is affected happened or was received. */
  from?: string | null;
  /** When the last of it did. */
  to?: string | null;
  /** Who is affected, those by the most first; at most 20. */
  affected: Affected[];
  /** Whether what it does can be undone. */
  reversible: boolean;
  /** More that is worth knowing, by name. */
  details?: Record<string, unknown>;
}

/** An error, as `application/problem+json`. */
export interface Problem {
  /** A stable name as a URI: `urn:pts:problem:` and the code. */
  type: string;
  /** What kind of problem it is, in words. */
  title: string;
  /** The HTTP status. */
  status: number;
  /** A stable word for programs, such as `invalid_event`. */
  code: string;
  /** What is wrong this time, and what would help. */
  detail: string;
  /** The fields that are wrong, if any are. */
  errors?: FieldError[];
  /** The request: the same id stands in the server's log. */
  request_id?: string | null;
  /** What would have been missing, where an incomplete answer was refused. */
  coverage?: Coverage | null;
  /** Where an event that is not valid was put aside, from where it can be sent again. */
  quarantine_id?: string | null;
  /** What a risky action would do. */
  preview?: Preview | null;
  /** With what that is confirmed. */
  confirm?: Confirm | null;
}

/** Which waiting items are given up, and why. Everything that is given must hold. */
export interface PurgeQuarantineInput {
  /** Why, for whoever asks later; 1 to 500 characters. */
  reason: string;
  /** That say they are of this source. */
  source?: string | null;
  /** That came with this token, by its id. */
  token?: string | null;
  /** That say they are of these types, any of which will do; `deployment.*` stands for a family. */
  type?: string[];
  /** Received first at this moment or later. */
  since?: Moment | null;
  /** Received first before this moment. */
  until?: Moment | null;
}

/** What was given up. */
export interface PurgeReport {
  /** Items that were given up now. */
  discarded: number;
  /** Whether more wait that fit: the same again gives up the next ones. */
  more: boolean;
}

/** One thing that was sent and is no event. */
export interface QuarantinedItem {
  /** Names it, and the event that it may become. */
  id: string;
  /** What became of it. */
  state: State;
  /** Why it is no event, as of the last look at it. */
  errors: FieldError[];
  /** The id of the token that it came with. */
  token: string;
  /** Whose it says it is. */
  source: string | null;
  /** Of which type it says it is. */
  type: string | null;
  /** How strictly it is read: `lenient` or `cloudevents`. */
  form: string;
  /** When it was received first. */
  received_at: string;
  /** When it was received last. */
  last_at: string;
  /** How many times it was sent while it waited. */
  times: number;
  /** What it takes, in bytes. */
  bytes: number;
  /** When its state or its errors last changed. */
  changed_at: string;
  /** The event that it became, or was already. */
  replayed_as?: string | null;
  /** Why it was discarded. */
  reason?: string | null;
  /**
   * What was sent, as JSON, or as text if it is none. Not in lists, and gone once the item no
   * longer waits.
   */
  item?: unknown;
}

/** What ran at a moment. */
export interface RanAt {
  /** The moment. */
  time: string;
  /** What the deployments say ran, by service and environment. */
  declared: Run[];
  /** What the instances say ran, by service, environment and instance. */
  observed: Run[];
}

/** There is nothing to say. */
export type RebuildProjectionsInput = Record<string, never>;

/** What was worked out again. */
export interface Rebuilt {
  /** Events that were replayed. */
  events: number;
  /** Aggregates that were written. */
  aggregates: number;
}

/** What the sender of one event is told. */
export interface Receipt {
  /** The id that PTS gave the event, or gave it the first time. Absent after `validate=only`. */
  id: string | null;
  /** When PTS received it first. Absent after `validate=only`. */
  received_at: string | null;
  /** Whether it was there already. */
  duplicate: boolean;
  /** Advice; the event was accepted all the same. */
  warnings?: string[];
  /** What in it does not fit what was known; the event was stored all the same. */
  contradictions?: Contradiction[];
}

/**
 * How long it takes to recover from a deployment that hurt: from its success to the last of its
 * incidents resolved or, without one, to its rollback.
 */
export interface RecoveryTime {
  /** Median, in seconds; absent when nothing has recovered. */
  median_s: number | null;
  /** Deployments that hurt and recovered. */
  recovered: number;
  /** Deployments that hurt and have not. */
  unrecovered: number;
}

/** Of which source nothing is declared any more. */
export interface RemoveExpectationInput {
  /** The source. */
  source: string;
}

/** What is known of a source without its declaration. */
export interface RemovedExpectation {
  /** The source. */
  source: string;
  /** What is learned of it, if anything is. */
  learned: ExpectedSource | null;
}

/** The record of what was taken out of one month. */
export interface RemovedMonth {
  /** Names the record. */
  id: string;
  /** The month of receipt, as `2026-01`. */
  month: string;
  /** Events removed; with 0 the month was only looked through. */
  removed: number;
  /** Events that stayed. */
  kept: number;
  /** Bytes freed on the disk. */
  freed_bytes: number;
  /** When the first of what was removed happened. */
  oldest?: string | null;
  /** When the last of it did. */
  newest?: string | null;
}

/** Which waiting items are replayed: these, or all that fit. */
export interface ReplayQuarantineInput {
  /** These; with them, nothing else may be given. */
  ids?: string[];
  /** That say they are of this source. */
  source?: string | null;
  /** That came with this token, by its id. */
  token?: string | null;
  /** That say they are of these types, any of which will do; `deployment.*` stands for a family. */
  type?: string[];
  /** Received first at this moment or later. */
  since?: Moment | null;
  /** Received first before this moment. */
  until?: Moment | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the replay before: it goes on with the next ones. */
  cursor?: string | null;
}

/** What a replay did. */
export interface ReplayReport {
  /** Items that are events now, those included that were there already. */
  replayed: number;
  /** Items that still wait. */
  waiting: number;
  /** One result per item. */
  items: ReplayedItem[];
}

/** What became of one item that was to be replayed or discarded. */
export type ReplayStatus = "stored" | "duplicate" | "invalid" | "settled" | "unknown";

/** The result of one item. */
export interface ReplayedItem {
  /** The item. */
  id: string;
  /** What became of it. */
  status: ReplayStatus;
  /** The event that it is. */
  event?: string | null;
  /** Why it is still no event. */
  errors?: FieldError[];
}

/** Whether a source reports as it should. */
export type ReporterState = "ok" | "silent" | "never_heard" | "gone";

/** What is asked for, what for, and for how long. */
export interface RequestElevationInput {
  /** The scopes. */
  scopes: Scope[];
  /** What for, for whoever decides and whoever asks later; 1 to 500 characters. */
  reason: string;
  /** For how many minutes from its approval; as many as the deployment allows at the most. */
  minutes: number;
}

/** What was removed. */
export interface RetentionReport {
  /** Events that were removed, of all months together. */
  removed: number;
  /** The months that were gone through, oldest first. */
  months: RemovedMonth[];
}

/** The session to end. */
export interface RevokeSessionInput {
  /** Its `id`. */
  id: string;
}

/** Which token ends. */
export interface RevokeTokenInput {
  /** Its id. */
  id: string;
}

/**
 * Which share of the deployments was unplanned: said so by their sender or, where the sender did
 * not say, begun while an incident of the same service and environment was open.
 */
export interface ReworkRate {
  /** 0 to 1; absent without deployments. */
  rate: number | null;
  /** Unplanned deployments. */
  rework: number;
  /** Of so many. */
  deployments: number;
}

/** A role. */
export interface RoleRecord {
  /** Its name. */
  name: string;
  /** Whether it is there always, and not from the configuration. */
  built_in: boolean;
  /** What it allows. */
  scopes: Scope[];
}

/** A period in which a version of a service ran in an environment. */
export interface Run {
  /** Who says so. */
  kind: RunKind;
  /** The service. */
  service: string;
  /** Where. */
  environment: string;
  /** The instance, for an observed run. */
  instance: string | null;
  /** The version; absent when nobody named one. */
  version: string | null;
  /** The image, where it was named. */
  image: string | null;
  /** The deployment that brought it, for a declared run. */
  deployment_id: string | null;
  /** From when. */
  from: string;
  /** Until when; absent while it goes on. For a declared run this is when the next one began. */
  to: string | null;
  /** Place in the log of the event that opened it. */
  opened_position: number;
}

/** A service in an environment that is not what it was. */
export interface RunChange {
  /** The service. */
  service: string;
  /** Where. */
  environment: string;
  /** What ran at the earlier moment; absent if nothing was declared then. */
  before: Run | null;
  /** What ran at the later moment; absent if nothing was declared then. */
  after: Run | null;
}

/** Who says that a version ran. */
export type RunKind = "declared" | "observed";

/** How long events stay that no projection needs. */
export interface RunRetentionInput {
  /** A span such as `400d`, 62 days at the least; as configured if not given. */
  foreign_events?: string | null;
}

/** One thing a token may be allowed to do. */
export type Scope = "events:write" | "events:read" | "metrics:read" | "operate" | "tokens:manage" | "access:manage" | "audit:read" | "elevations:request" | "admin";

/** Which entries are wanted. Everything that is given must hold. */
export interface SearchAuditInput {
  /** By the name of a token, or the person behind it. */
  principal?: string | null;
  /** By a token's id. */
  token?: string | null;
  /** Actions, any of which will do; `access.*` stands for a family. Repeat it or separate by commas. */
  action?: string[];
  /** That ended so. */
  outcome?: Outcome | null;
  /** About this workspace. */
  workspace?: string | null;
  /** That came with this request. */
  request_id?: string | null;
  /** Happened at this moment or later. */
  since?: Moment | null;
  /** Happened before this moment. */
  until?: Moment | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Which deployments are wanted. Everything that is given must hold. */
export interface SearchDeploymentsInput {
  /** Of this service. */
  service?: string | null;
  /** Into this environment. */
  environment?: string | null;
  /** Of this status. */
  status?: DeploymentStatus | null;
  /** Of this version. */
  version?: string | null;
  /** Whose status was reached at this moment or later. */
  since?: Moment | null;
  /** Whose status was reached before this moment. */
  until?: Moment | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Which requests are wanted. Everything that is given must hold. */
export interface SearchElevationsInput {
  /** In this state; `active` tells who holds what now, `requested` what waits for a decision. */
  state?: ElevationState | null;
  /** Of this holder. */
  holder?: Holder | null;
  /** For this scope, among others. */
  scope?: Scope | null;
  /** Made at this moment or later. */
  since?: Moment | null;
  /** Made before this moment. */
  until?: Moment | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Which images are wanted. Everything that is given must hold. */
export interface SearchImagesInput {
  /** Of this repository. */
  image?: string | null;
  /** With this tag. */
  tag?: string | null;
  /** Of this digest. */
  digest?: string | null;
  /** Of this service. */
  service?: string | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Which incidents are wanted. Everything that is given must hold. */
export interface SearchIncidentsInput {
  /** Of this service. */
  service?: string | null;
  /** Where. */
  environment?: string | null;
  /** Of this status. */
  status?: IncidentStatus | null;
  /** Of this id. */
  incident_id?: string | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Which events are wanted. Everything that is given must hold. */
export interface SearchInput {
  /**
   * Types, any of which will do; `deployment.*` stands for a family. Repeat it or separate by
   * commas.
   */
  type?: string[];
  /** Who sent them. */
  source?: string | null;
  /** `data.service`. */
  service?: string | null;
  /** `data.environment`. */
  environment?: string | null;
  /** What they are about. */
  subject?: string | null;
  /** Happened at this moment or later. */
  since?: Moment | null;
  /** Happened before this moment. */
  until?: Moment | null;
  /** Fields of the data, as `data.<path>=<text>`: `data.actor=alice`. */
  data?: Record<string, string>;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Which items are wanted. Everything that is given must hold. */
export interface SearchQuarantineInput {
  /** That say they are of this source. */
  source?: string | null;
  /** That came with this token, by its id. */
  token?: string | null;
  /** That say they are of these types, any of which will do; `deployment.*` stands for a family. */
  type?: string[];
  /** In this state. */
  state?: State | null;
  /** Received first at this moment or later. */
  since?: Moment | null;
  /** Received first before this moment. */
  until?: Moment | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** What is known of one service. */
export interface Service {
  /** Its name. */
  service: string;
  /** When it was first heard of, by the time of the events. */
  first_seen_at: string;
  /** What each environment is declared to run. */
  environments: Record<string, ServiceEnvironment>;
  /**
   * The last hundred changes by the time they happened: deployments, configuration, states,
   * incidents, crashes; oldest first.
   */
  recent_changes?: ServiceChange[];
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last event that changed it. */
  last_position: number;
}

/** A change that may explain something. */
export interface ServiceChange {
  /** The event that said so. */
  event_id: string;
  /** Its type. */
  type: string;
  /** When it happened. */
  time: string;
  /** Where, if it was said. */
  environment: string | null;
  /** What changed, in a line. */
  summary: string;
}

/** A service with everything known of it. */
export interface ServiceDetail {
  /** The service. */
  service: Service;
  /** What runs in each environment. */
  environments: EnvironmentSummary[];
  /** Its instances; at most a thousand, those last heard of. */
  instances: InstanceView[];
  /** Its settings, as far as somebody reported them; at most a thousand. */
  config: ConfigEntry[];
  /** What changed lately, newest first. */
  recent_changes: ServiceChange[];
}

/** One environment of a service. */
export interface ServiceEnvironment {
  /** What the deployments say runs there. */
  declared: Declared | null;
  /** When the service said that it exists there. */
  registered_at: string | null;
  /** When it said that it does not any more. */
  deregistered_at: string | null;
}

/** A service in a list. */
export interface ServiceSummary {
  /** Its name. */
  service: string;
  /** When it was first heard of. */
  first_seen_at: string;
  /** When one of its instances was last heard of. */
  last_seen_at: string | null;
  /** What runs in each environment. */
  environments: EnvironmentSummary[];
}

/** Where somebody is signed in. */
export type SessionPlace = "browser" | "command_line";

/** What somebody is signed in for. */
export interface SessionRecord {
  /** Names the session, to end it. */
  id: string;
  /** Who is signed in. */
  name: string;
  /** The person as the identity provider names them; null for who signed in with a token or a link. */
  subject: string | null;
  /** Where. */
  place: SessionPlace;
  /** The roles that the person's groups gave. */
  roles: string[];
  /** The only workspace that it reaches; null for all. */
  workspace: Workspace | null;
  /** When it began. */
  created_at: string;
  /** When it was last used, to the minute or so. */
  last_used_at: string | null;
  /** When it is over if it is not used until then. */
  idle_ends_at: string | null;
  /** When it is over in any case. */
  expires_at: string | null;
  /** Whether it is the one that asks. */
  current: boolean;
}

/** What a source will do. */
export interface SetExpectationInput {
  /** The source, as its events name it; 1 to 1,024 bytes. */
  source: string;
  /** It reports at least so often, in seconds; 1 to 2,678,400 (31 days). */
  every_s: number;
}

/** An Ed25519 signature, as hex digits. */
export type Signature = string;

/** One source of an answer. */
export interface Source {
  /** Its name. */
  name: string;
  /** How it answered. */
  state: SourceState;
  /** Seconds since it last took anything in; absent when it never has. */
  age_s: number | null;
  /** Why it is not `ok`. */
  reason?: string | null;
}

/** How a source answered. */
export type SourceState = "ok" | "missing" | "stale" | "timed_out" | "denied";

/** A length of time: 90s, 15m, 1h, 30d, 2w. */
export type Span = string;

/** What became of an item. */
export type State = "waiting" | "replayed" | "discarded";

/** One change of state. */
export interface StateChange {
  /** The event that said so. */
  event_id: string;
  /** When it happened. */
  time: string;
  /** The state it left, as the sender said. */
  from: string | null;
  /** The state it came to. */
  to: string;
  /** Why, in words. */
  reason: string | null;
  /** Who or what changed it. */
  actor: string | null;
}

/** The things that can be done about a request. */
export type StepKind = "approved" | "denied" | "ended";

/** What somebody did about a request. */
export interface StepRecord {
  /** What it was. */
  what: StepKind;
  /** Who did it. */
  by: Holder;
  /** What the token is called that they did it with. */
  name: string;
  /** Why, if they said so. */
  reason?: string | null;
  /** When. */
  at: string;
}

/** Which events are wanted, as they come. */
export interface StreamInput {
  /** Types, any of which will do; `deployment.*` stands for a family. */
  type?: string[];
  /** Who sends them. */
  source?: string | null;
  /** `data.service`. */
  service?: string | null;
  /** `data.environment`. */
  environment?: string | null;
  /** What they are about. */
  subject?: string | null;
  /** Fields of the data, as `data.<path>=<text>`. */
  data?: Record<string, string>;
  /**
   * Begin behind this place in the log; 0 for its very beginning, the end of the log if not
   * given. `Last-Event-ID` wins over it.
   */
  after?: number | null;
}

/** What became of what was received: received = stored + repeated + quarantined + refused. */
export interface Tally {
  /** Events that were received. */
  received: number;
  /** Of these, in the log, or removed from it by retention since. */
  stored: number;
  /** There already when they came. */
  repeated: number;
  /** Not valid, and put aside. */
  quarantined: number;
  /** Not taken: a conflict, an overload, a store that was away, or not valid and no room. */
  refused: number;
}

/** What a token is for: a program, or a person's browser session. */
export type TokenKind = "bearer" | "session" | "service";

/** What is known of a token: never its text. */
export interface TokenRecord {
  /** Names it. */
  id: string;
  /** What a person called it. */
  name: string;
  /** How it is presented. */
  kind: TokenKind;
  /** Whether it is good. */
  state: TokenState;
  /** What it allows by itself. */
  scopes: Scope[];
  /** The roles that it allows as well, by their names. */
  roles: string[];
  /** The only workspace that it reaches; null if it may act in any. */
  workspace: Workspace | null;
  /** Where it may be used from; from everywhere if there is none. */
  networks: Network[];
  /** The person behind a session, as the identity provider names them. */
  subject: string | null;
  /** The token that a session was signed in with. */
  issued_by: string | null;
  /** When it was made. */
  created_at: string;
  /** When it was last used, to a minute; null if it never was. */
  last_used_at: string | null;
  /** When it ends by itself; null if it does not. */
  expires_at: string | null;
  /** When it was revoked. */
  revoked_at: string | null;
}

/** Whether a token is good. */
export type TokenState = "live" | "expired" | "revoked";

/** What the figures leave out. */
export interface Unattributed {
  /** Deployments without a commit time: not in the lead time. */
  deployments_without_commit_time: number;
  /** Deployments whose commit is later than their success: not in the lead time. */
  deployments_with_impossible_commit_time: number;
  /** Incidents opened in the window that name no deployment: in no failure rate. */
  incidents_without_deployment: number;
  /** Incidents opened in the window that name a deployment nobody reported. */
  incidents_with_unknown_deployment: number;
}

/** Whether to store. */
export type Validate = "only";

/** What somebody decides on another's request. */
export type Verdict = "approve" | "deny";

/** Counts of known vulnerabilities by severity. */
export interface Vulnerabilities {
  /** Critical ones. */
  critical: number;
  /** High ones. */
  high: number;
  /** Medium ones. */
  medium: number;
  /** Low ones. */
  low: number;
}

/** At which moment, and where. */
export interface WhatRanAtInput {
  /** The moment; now if not given. */
  time?: Moment | null;
  /** Of this service. */
  service?: string | null;
  /** Where. */
  environment?: string | null;
}

/** The period that is looked at: from, inclusive, to, exclusive. */
export interface Window {
  /** From this moment on. */
  from: string;
  /** Up to this moment. */
  to: string;
}

/**
 * A workspace: 1 to 63 lower-case letters, digits and hyphens, with a letter or a digit at both
 * ends. The usual one is `default`. Cheap to clone: every event carries one.
 */
export type Workspace = string;

/** Every action, by its name. */
export interface Actions {
  /**
   * Append one event or a batch. Needs `events:write`.
   *
   * Takes one event or an array as JSON (`specversion`, `id` and `time` may be left out), newline-delimited JSON, or CloudEvents 1.0 in structured, batch or binary mode; gzip and zstd; up to 16 MiB. A single event answers 201 with its receipt, 200 when it was there already, 409 when its `(source, id)` stands for another event. A batch answers 200, or 207 when any of its events was not accepted, with a result per event: bad events never hurt their neighbours. With `ack=accepted` the answer is 202 and comes before the events are stored: what is repeated, contradicts itself or is lost with the server is not told. More than can be written is refused at once, with 503, or 429 when one token alone is the reason, and `Retry-After`.
   */
  "platform.events.append": {
    input: AppendInput;
    output: BatchResult;
    method: "POST";
    path: "/v1/events";
    binding: "ingest";
  };
  /** Search events, newest first. Needs `events:read`. */
  "platform.events.search": {
    input: SearchInput;
    output: EventRecord[];
    method: "GET";
    path: "/v1/events";
    binding: "query";
  };
  /**
   * Follow events as they come. Needs `events:read`.
   *
   * Server-sent events. Each has the event's place in the log as its id and the event as its data. Reconnecting with `Last-Event-ID` goes on where the stream broke off, without a loss or a repeat.
   */
  "platform.events.stream": {
    input: StreamInput;
    output: EventRecord;
    method: "GET";
    path: "/v1/events/stream";
    binding: "stream";
  };
  /**
   * Export all events that fit, newest first. Needs `events:read`.
   *
   * Everything that a search with the same filter would page through, in one answer: the state of the log when the export began, whatever is appended meanwhile. As NDJSON, each line is what a search gives, and the last line (`{"end": true, "count": …, "up_to": …, "coverage": …}`) tells how many there were and what is known to be missing. As CSV (RFC 4180), the columns are position, id, time, received_at, type, source, event_id, subject, service, environment, data, attributes, in this order; `data` and `attributes` are JSON. A field that a spreadsheet could take for a formula (it begins with = + - @, a tab or a line break), or that begins with an apostrophe, is written behind an apostrophe: take the first one off to have the field again. Lines end with CRLF. `x-pts-up-to` and `x-pts-coverage` (`complete` or `incomplete`) tell of every export how far it goes and what it rests on. An export that cannot go on is broken off: its body then does not end as HTTP says it should, which clients report as an error.
   */
  "platform.events.export": {
    input: ExportInput;
    output: EventRecord;
    method: "GET";
    path: "/v1/events/export";
    binding: "download";
  };
  /** Look up one event. Needs `events:read`. */
  "platform.events.get": {
    input: GetEventInput;
    output: EventRecord;
    method: "GET";
    path: "/v1/events/{id}";
    binding: "query";
  };
  /** List the platform event types. Needs `events:read`. */
  "platform.event_types.list": {
    input: ListEventTypesInput;
    output: EventTypeRecord[];
    method: "GET";
    path: "/v1/event-types";
    binding: "query";
  };
  /** Look up one platform event type, with its schema and an example. Needs `events:read`. */
  "platform.event_types.get": {
    input: GetEventTypeInput;
    output: EventTypeRecord;
    method: "GET";
    path: "/v1/event-types/{type}";
    binding: "query";
  };
  /** Search deployments, the one first reported last first. Needs `events:read`. */
  "platform.deployments.search": {
    input: SearchDeploymentsInput;
    output: Deployment[];
    method: "GET";
    path: "/v1/deployments";
    binding: "query";
  };
  /**
   * Follow deployments in a feed reader (Atom). Needs `events:read`.
   *
   * One entry a deployment, the one first reported last first; an entry changes with the status of its deployment. Feed readers and calendars cannot send a bearer token; they may send it as the password of `Authorization: Basic`, with any user name. A token in the URL is not accepted: URLs end up in logs and histories. Ask again with `If-None-Match` (or `If-Modified-Since`): 304 tells that nothing has changed. `x-pts-coverage` is `incomplete` when something is known to be missing.
   */
  "platform.deployments.feed": {
    input: DeploymentsFeedInput;
    output: Deployment[];
    method: "GET";
    path: "/v1/deployments/feed.atom";
    binding: "feed";
  };
  /**
   * Show deployments in a calendar (iCalendar). Needs `events:read`.
   *
   * One event a deployment, from when it was asked for or began to when it ended. `SEQUENCE` counts the reports of it. Feed readers and calendars cannot send a bearer token; they may send it as the password of `Authorization: Basic`, with any user name. A token in the URL is not accepted: URLs end up in logs and histories. Ask again with `If-None-Match` (or `If-Modified-Since`): 304 tells that nothing has changed. `x-pts-coverage` is `incomplete` when something is known to be missing.
   */
  "platform.deployments.calendar": {
    input: DeploymentsFeedInput;
    output: Deployment[];
    method: "GET";
    path: "/v1/deployments/calendar.ics";
    binding: "feed";
  };
  /**
   * Export all deployments that fit, the one first reported last first. Needs `events:read`.
   *
   * Every deployment that was reported when the export began, each as it is when it is read. As NDJSON, each line is what a search gives, and the last line (`{"end": true, "count": …, "up_to": …, "coverage": …}`) tells how many there were and what is known to be missing. As CSV (RFC 4180), the columns are deployment_id, service, environment, status, status_at, version, previous_version, image, commit, commit_time, actor, pipeline_url, reason, unplanned, requested_at, started_at, succeeded_at, finished_at, rolled_back_at, first_position, last_position, event_count, in this order. A field that a spreadsheet could take for a formula (it begins with = + - @, a tab or a line break), or that begins with an apostrophe, is written behind an apostrophe: take the first one off to have the field again. Lines end with CRLF. `x-pts-up-to` and `x-pts-coverage` (`complete` or `incomplete`) tell of every export how far it goes and what it rests on. An export that cannot go on is broken off: its body then does not end as HTTP says it should, which clients report as an error.
   */
  "platform.deployments.export": {
    input: ExportDeploymentsInput;
    output: Deployment;
    method: "GET";
    path: "/v1/deployments/export";
    binding: "download";
  };
  /**
   * Look up one deployment, with the events that made it. Needs `events:read`.
   *
   * An id that several services or environments used answers 409 and lists them; `service` and `environment` choose.
   */
  "platform.deployments.get": {
    input: GetDeploymentInput;
    output: DeploymentDetail;
    method: "GET";
    path: "/v1/deployments/{id}";
    binding: "query";
  };
  /** List services and what runs where, declared against observed. Needs `events:read`. */
  "platform.services.list": {
    input: ListServicesInput;
    output: ServiceSummary[];
    method: "GET";
    path: "/v1/services";
    binding: "query";
  };
  /** Look up one service: instances, versions, recent changes. Needs `events:read`. */
  "platform.services.get": {
    input: GetServiceInput;
    output: ServiceDetail;
    method: "GET";
    path: "/v1/services/{name}";
    binding: "query";
  };
  /** Search images, the one first reported last first. Needs `events:read`. */
  "platform.images.search": {
    input: SearchImagesInput;
    output: ImageView[];
    method: "GET";
    path: "/v1/images";
    binding: "query";
  };
  /** List components, the state each is in, and how it came to be. Needs `events:read`. */
  "platform.state.list": {
    input: ListStatesInput;
    output: ComponentState[];
    method: "GET";
    path: "/v1/state";
    binding: "query";
  };
  /** Search incidents, the one first reported last first. Needs `events:read`. */
  "platform.incidents.search": {
    input: SearchIncidentsInput;
    output: Incident[];
    method: "GET";
    path: "/v1/incidents";
    binding: "query";
  };
  /**
   * Follow incidents in a feed reader (Atom). Needs `events:read`.
   *
   * One entry an incident, the one first reported last first; an entry changes with the status of its incident. Feed readers and calendars cannot send a bearer token; they may send it as the password of `Authorization: Basic`, with any user name. A token in the URL is not accepted: URLs end up in logs and histories. Ask again with `If-None-Match` (or `If-Modified-Since`): 304 tells that nothing has changed. `x-pts-coverage` is `incomplete` when something is known to be missing.
   */
  "platform.incidents.feed": {
    input: IncidentsFeedInput;
    output: Incident[];
    method: "GET";
    path: "/v1/incidents/feed.atom";
    binding: "feed";
  };
  /**
   * Show incidents in a calendar (iCalendar). Needs `events:read`.
   *
   * One event an incident, from its begin to its end; one that goes on has a begin alone. `SEQUENCE` counts what was logged since it was first named. Feed readers and calendars cannot send a bearer token; they may send it as the password of `Authorization: Basic`, with any user name. A token in the URL is not accepted: URLs end up in logs and histories. Ask again with `If-None-Match` (or `If-Modified-Since`): 304 tells that nothing has changed. `x-pts-coverage` is `incomplete` when something is known to be missing.
   */
  "platform.incidents.calendar": {
    input: IncidentsFeedInput;
    output: Incident[];
    method: "GET";
    path: "/v1/incidents/calendar.ics";
    binding: "feed";
  };
  /**
   * Export all incidents that fit, the one first reported last first. Needs `events:read`.
   *
   * Every incident that was reported when the export began, each as it is when it is read. As NDJSON, each line is what a search gives, and the last line (`{"end": true, "count": …, "up_to": …, "coverage": …}`) tells how many there were and what is known to be missing. As CSV (RFC 4180), the columns are incident_id, service, environment, status, status_at, severity, title, deployment_id, opened_at, acknowledged_at, resolved_at, first_position, last_position, in this order. A field that a spreadsheet could take for a formula (it begins with = + - @, a tab or a line break), or that begins with an apostrophe, is written behind an apostrophe: take the first one off to have the field again. Lines end with CRLF. `x-pts-up-to` and `x-pts-coverage` (`complete` or `incomplete`) tell of every export how far it goes and what it rests on. An export that cannot go on is broken off: its body then does not end as HTTP says it should, which clients report as an error.
   */
  "platform.incidents.export": {
    input: ExportIncidentsInput;
    output: Incident;
    method: "GET";
    path: "/v1/incidents/export";
    binding: "download";
  };
  /**
   * Mark deployments and incidents on graphs. Needs `events:read`.
   *
   * What went on between two moments, oldest first, in the shape that Grafana takes annotations in (`data` is the list): give it `from=${__from}&to=${__to}`. A deployment is there if its status was reached in the window or later; an incident that goes on is marked to the end of the window. At most 1,000 of each kind; a warning tells when there were more.
   */
  "platform.annotations.list": {
    input: AnnotationsInput;
    output: Annotation[];
    method: "GET";
    path: "/v1/annotations";
    binding: "query";
  };
  /** Work out DORA's five metrics over a window. Needs `events:read`. */
  "platform.dora.get": {
    input: GetDoraInput;
    output: DoraView;
    method: "GET";
    path: "/v1/dora";
    binding: "query";
  };
  /** Tell what was running where at a moment. Needs `events:read`. */
  "platform.at": {
    input: WhatRanAtInput;
    output: RanAt;
    method: "GET";
    path: "/v1/at";
    binding: "query";
  };
  /**
   * Tell what runs differently at two moments. Needs `events:read`.
   *
   * What the deployments say ran at the one and at the other, and only where that differs: the first question when something worked before and does not now. A deployment of the same version is a difference too.
   */
  "platform.at.compare": {
    input: CompareMomentsInput;
    output: Comparison;
    method: "GET";
    path: "/v1/at/compare";
    binding: "query";
  };
  /** List what was reported and cannot be so, newest first. Needs `events:read`. */
  "platform.contradictions.list": {
    input: ListContradictionsInput;
    output: Contradiction[];
    method: "GET";
    path: "/v1/contradictions";
    binding: "query";
  };
  /**
   * Tell what became of everything that was sent. Needs `metrics:read`.
   *
   * By token and source, in whole days (UTC). What is received is always the sum of what is stored, repeated, quarantined and refused. What is stored is counted from the log itself and exact at any time. A quarantined event that is replayed is counted as stored (or repeated) from then on.
   */
  "platform.accounting.get": {
    input: GetAccountingInput;
    output: AccountReport;
    method: "GET";
    path: "/v1/accounting";
    binding: "query";
  };
  /**
   * List sources that are expected to report, and who fell silent. Needs `events:read`.
   *
   * How often a source reports is learned from what it sends, once it does so regularly, or declared. One that did not report for two and a half times as long is silent, and every answer that it could matter to says so.
   */
  "platform.expectations.list": {
    input: ListExpectationsInput;
    output: ExpectedSource[];
    method: "GET";
    path: "/v1/expectations";
    binding: "query";
  };
  /**
   * Declare how often a source reports. Needs `operate`.
   *
   * From now on the source is expected to report at least so often, whatever was learned or declared of it before. It need not have been heard yet.
   */
  "platform.expectations.set": {
    input: SetExpectationInput;
    output: ExpectedSource;
    method: "POST";
    path: "/v1/expectations";
    binding: "command";
  };
  /**
   * Take back what was declared of a source. Needs `operate`.
   *
   * What was learned of the source holds again, if anything was.
   */
  "platform.expectations.remove": {
    input: RemoveExpectationInput;
    output: RemovedExpectation;
    method: "POST";
    path: "/v1/expectations/remove";
    binding: "command";
  };
  /** List what was sent and is no event, newest first. Needs `operate`. */
  "platform.quarantine.search": {
    input: SearchQuarantineInput;
    output: QuarantinedItem[];
    method: "GET";
    path: "/v1/quarantine";
    binding: "query";
  };
  /** Look up one thing that was sent and is no event, as it came. Needs `operate`. */
  "platform.quarantine.get": {
    input: GetQuarantinedInput;
    output: QuarantinedItem;
    method: "GET";
    path: "/v1/quarantine/{id}";
    binding: "query";
  };
  /**
   * Send quarantined items through the same door again. Needs `operate`.
   *
   * Items that wait are checked and stored as if they came now, the oldest first, under the token that they came with. What has become valid (after an upgrade that asks for less, say) is stored under the item's id; what is still no event goes on waiting with the new errors. Replaying again repeats nothing. Without ids, everything that waits and fits is replayed, page by page.
   */
  "platform.quarantine.replay": {
    input: ReplayQuarantineInput;
    output: ReplayReport;
    method: "POST";
    path: "/v1/quarantine/replay";
    binding: "command";
  };
  /**
   * Give up quarantined items. Needs `operate`.
   *
   * What was sent is removed; that it was, and why it was given up, is remembered for 90 days.
   */
  "platform.quarantine.discard": {
    input: DiscardQuarantinedInput;
    output: DiscardReport;
    method: "POST";
    path: "/v1/quarantine/discard";
    binding: "command";
  };
  /**
   * Give up all quarantined items that fit. Needs `operate`.
   *
   * As `platform.quarantine.discard`, for what waited when the preview was made: the oldest 10,000 that fit. What comes later goes on waiting.
   */
  "platform.quarantine.purge": {
    input: PurgeQuarantineInput;
    output: PurgeReport;
    method: "POST";
    path: "/v1/quarantine/purge";
    binding: "command";
  };
  /**
   * Remove now what has had its time. Needs `operate`.
   *
   * Whole months of events that no projection needs. The service does this by itself every day as it is configured; this is for now, or for another span. Nothing brings back what is removed.
   */
  "platform.retention.run": {
    input: RunRetentionInput;
    output: RetentionReport;
    method: "POST";
    path: "/v1/retention/run";
    binding: "command";
  };
  /**
   * Work everything out from the log again. Needs `operate`.
   *
   * The log is replayed beside what is there, which takes its place in one step: readers see the old until the new is complete. Events that come meanwhile wait until it is done, or are told to come again.
   */
  "platform.projections.rebuild": {
    input: RebuildProjectionsInput;
    output: Rebuilt;
    method: "POST";
    path: "/v1/projections/rebuild";
    binding: "command";
  };
  /**
   * Ask to be allowed more for a while. Needs `elevations:request`.
   *
   * As many others as the deployment says for these scopes have to approve within its time; with the last approval the scopes are held by whoever asked, person or token, for so many minutes, and then no more. Nothing renews it: who needs longer asks again.
   */
  "platform.elevations.request": {
    input: RequestElevationInput;
    output: ElevationRecord;
    method: "POST";
    path: "/v1/elevations";
    binding: "command";
  };
  /** List one's own requests to be allowed more, newest first. Needs `elevations:request`. */
  "platform.elevations.mine": {
    input: MyElevationsInput;
    output: ElevationRecord[];
    method: "GET";
    path: "/v1/elevations/mine";
    binding: "query";
  };
  /**
   * List who asked to be allowed more, who holds what now, and what became of it. Needs `access:manage`.
   *
   * Requests are kept after they end. A page of a search by state or scope may hold less than its limit and go on all the same: `next_cursor` says so.
   */
  "platform.elevations.search": {
    input: SearchElevationsInput;
    output: ElevationRecord[];
    method: "GET";
    path: "/v1/elevations";
    binding: "query";
  };
  /**
   * Approve or deny what somebody else asked for. Needs `access:manage`.
   *
   * Nobody decides on a request of their own, and nobody approves one twice. One denial is enough, before the approval and after it.
   */
  "platform.elevations.decide": {
    input: DecideElevationInput;
    output: ElevationRecord;
    method: "POST";
    path: "/v1/elevations/decide";
    binding: "command";
  };
  /**
   * Give back what was approved before its end, or withdraw a request. Needs `elevations:request`.
   *
   * One's own; with `access:manage`, anybody's.
   */
  "platform.elevations.end": {
    input: EndElevationInput;
    output: ElevationRecord;
    method: "POST";
    path: "/v1/elevations/end";
    binding: "command";
  };
  /**
   * List tokens, newest first. Needs `tokens:manage`.
   *
   * What each allows, where, until when, and when it was last used. Whoever is bound to a workspace sees the tokens that are bound to it.
   */
  "platform.tokens.list": {
    input: ListTokensInput;
    output: TokenRecord[];
    method: "GET";
    path: "/v1/tokens";
    binding: "query";
  };
  /** Look up one token or session. Needs `tokens:manage`. */
  "platform.tokens.get": {
    input: GetTokenInput;
    output: TokenRecord;
    method: "GET";
    path: "/v1/tokens/{id}";
    binding: "query";
  };
  /**
   * Make a token, whose text is shown once. Needs `tokens:manage`.
   *
   * Nobody gives what they do not hold: neither a scope, nor a role (but for whoever holds `admin`), nor another workspace or network than their own.
   */
  "platform.tokens.create": {
    input: CreateTokenInput;
    output: CreatedToken;
    method: "POST";
    path: "/v1/tokens";
    binding: "command";
  };
  /**
   * End a token or a session. Needs `tokens:manage`.
   *
   * It is refused everywhere within a second, and so are the sessions that were signed in with it. What was revoked stays so. One's own is revoked at once; of another's it is shown first whose it is and when it was used.
   */
  "platform.tokens.revoke": {
    input: RevokeTokenInput;
    output: TokenRecord;
    method: "POST";
    path: "/v1/tokens/revoke";
    binding: "command";
  };
  /**
   * Explain whether somebody may do something, and by which rule. Needs `access:manage`.
   *
   * Everybody may ask about themselves; about others, whoever has the scope.
   */
  "platform.access.explain": {
    input: ExplainAccessInput;
    output: Explanation;
    method: "GET";
    path: "/v1/access/explain";
    binding: "query";
  };
  /** Read the policies in force. Needs `access:manage`. */
  "platform.access.policies": {
    input: ListPoliciesInput;
    output: Policies;
    method: "GET";
    path: "/v1/access/policies";
    binding: "query";
  };
  /** List the roles and what each allows. Needs `events:read`. */
  "platform.access.roles": {
    input: ListRolesInput;
    output: RoleRecord[];
    method: "GET";
    path: "/v1/access/roles";
    binding: "query";
  };
  /**
   * List who is signed in, newest first. Needs `events:read`.
   *
   * One's own sessions; those of everybody with the scope `tokens:manage`. A session is one's own if the same person signed in, or the same token was signed in with. Sessions that are over are not listed.
   */
  "platform.sessions.list": {
    input: ListSessionsInput;
    output: SessionRecord[];
    method: "GET";
    path: "/v1/sessions";
    binding: "query";
  };
  /**
   * End a session, wherever it is. Needs `tokens:manage`.
   *
   * It is refused everywhere within a second. One's own session may always be ended, whatever the token may; those of others need the scope `tokens:manage`.
   */
  "platform.sessions.revoke": {
    input: RevokeSessionInput;
    output: SessionRecord;
    method: "POST";
    path: "/v1/sessions/revoke";
    binding: "command";
  };
  /**
   * List who did what, newest first. Needs `audit:read`.
   *
   * Everything that changes how the service behaves, every sign-in and every denial. Denials that repeat each other (the same caller, action, reason and address within a second or so) are one entry with their number. Who is bound to a workspace sees what concerns it.
   */
  "platform.audit.search": {
    input: SearchAuditInput;
    output: AuditEntry[];
    method: "GET";
    path: "/v1/audit";
    binding: "query";
  };
  /**
   * Export who did what, newest first. Needs `audit:read`.
   *
   * Everything that a search with the same filter would page through, in one answer: the audit as it was when the export began. As NDJSON, each line is an entry as a search gives it, and the last line (`{"end": true, "count": …, "up_to": …, "coverage": …}`) tells how many there were, and the number of the last entry that may be in it. As CSV (RFC 4180), the columns are sequence, id, at, last_at, times, principal_kind, principal, token, subject, action, effect, outcome, reason, input, request_id, address, workspace, intent, previous, hash, in this order, quoted as in an export of events. An export that cannot go on is broken off: its body then does not end as HTTP says it should, which clients report as an error.
   */
  "platform.audit.export": {
    input: ExportAuditInput;
    output: AuditEntry;
    method: "GET";
    path: "/v1/audit/export";
    binding: "download";
  };
  /**
   * Tell where the audit ends, and what is signed of it. Needs `audit:read`.
   *
   * Each entry's hash names everything before it, so whoever keeps this answer can tell later whether anything up to there was changed.
   */
  "platform.audit.head": {
    input: GetAuditHeadInput;
    output: AuditHead;
    method: "GET";
    path: "/v1/audit/head";
    binding: "query";
  };
  /**
   * List the actions, with their schemas. Needs `events:read`.
   *
   * Each can be carried out over its own route or, but for streams, downloads and feeds, by its name over `POST /v1/actions`: the same checks, the same code.
   */
  "platform.actions.list": {
    input: ListActionsInput;
    output: ActionRecord[];
    method: "GET";
    path: "/v1/actions";
    binding: "query";
  };
  /** Look up one action: schemas, scope, effect, examples. Needs `events:read`. */
  "platform.actions.get": {
    input: GetActionInput;
    output: ActionRecord;
    method: "GET";
    path: "/v1/actions/{key}";
    binding: "query";
  };
}

export type ActionKey = keyof Actions;

/** Where each action is; `{name}` in a path stands for that field of its input. */
export const actions: {
  readonly [K in ActionKey]: Pick<Actions[K], "method" | "path" | "binding">;
} = {
  "platform.events.append": { method: "POST", path: "/v1/events", binding: "ingest" },
  "platform.events.search": { method: "GET", path: "/v1/events", binding: "query" },
  "platform.events.stream": { method: "GET", path: "/v1/events/stream", binding: "stream" },
  "platform.events.export": { method: "GET", path: "/v1/events/export", binding: "download" },
  "platform.events.get": { method: "GET", path: "/v1/events/{id}", binding: "query" },
  "platform.event_types.list": { method: "GET", path: "/v1/event-types", binding: "query" },
  "platform.event_types.get": { method: "GET", path: "/v1/event-types/{type}", binding: "query" },
  "platform.deployments.search": { method: "GET", path: "/v1/deployments", binding: "query" },
  "platform.deployments.feed": { method: "GET", path: "/v1/deployments/feed.atom", binding: "feed" },
  "platform.deployments.calendar": { method: "GET", path: "/v1/deployments/calendar.ics", binding: "feed" },
  "platform.deployments.export": { method: "GET", path: "/v1/deployments/export", binding: "download" },
  "platform.deployments.get": { method: "GET", path: "/v1/deployments/{id}", binding: "query" },
  "platform.services.list": { method: "GET", path: "/v1/services", binding: "query" },
  "platform.services.get": { method: "GET", path: "/v1/services/{name}", binding: "query" },
  "platform.images.search": { method: "GET", path: "/v1/images", binding: "query" },
  "platform.state.list": { method: "GET", path: "/v1/state", binding: "query" },
  "platform.incidents.search": { method: "GET", path: "/v1/incidents", binding: "query" },
  "platform.incidents.feed": { method: "GET", path: "/v1/incidents/feed.atom", binding: "feed" },
  "platform.incidents.calendar": { method: "GET", path: "/v1/incidents/calendar.ics", binding: "feed" },
  "platform.incidents.export": { method: "GET", path: "/v1/incidents/export", binding: "download" },
  "platform.annotations.list": { method: "GET", path: "/v1/annotations", binding: "query" },
  "platform.dora.get": { method: "GET", path: "/v1/dora", binding: "query" },
  "platform.at": { method: "GET", path: "/v1/at", binding: "query" },
  "platform.at.compare": { method: "GET", path: "/v1/at/compare", binding: "query" },
  "platform.contradictions.list": { method: "GET", path: "/v1/contradictions", binding: "query" },
  "platform.accounting.get": { method: "GET", path: "/v1/accounting", binding: "query" },
  "platform.expectations.list": { method: "GET", path: "/v1/expectations", binding: "query" },
  "platform.expectations.set": { method: "POST", path: "/v1/expectations", binding: "command" },
  "platform.expectations.remove": { method: "POST", path: "/v1/expectations/remove", binding: "command" },
  "platform.quarantine.search": { method: "GET", path: "/v1/quarantine", binding: "query" },
  "platform.quarantine.get": { method: "GET", path: "/v1/quarantine/{id}", binding: "query" },
  "platform.quarantine.replay": { method: "POST", path: "/v1/quarantine/replay", binding: "command" },
  "platform.quarantine.discard": { method: "POST", path: "/v1/quarantine/discard", binding: "command" },
  "platform.quarantine.purge": { method: "POST", path: "/v1/quarantine/purge", binding: "command" },
  "platform.retention.run": { method: "POST", path: "/v1/retention/run", binding: "command" },
  "platform.projections.rebuild": { method: "POST", path: "/v1/projections/rebuild", binding: "command" },
  "platform.elevations.request": { method: "POST", path: "/v1/elevations", binding: "command" },
  "platform.elevations.mine": { method: "GET", path: "/v1/elevations/mine", binding: "query" },
  "platform.elevations.search": { method: "GET", path: "/v1/elevations", binding: "query" },
  "platform.elevations.decide": { method: "POST", path: "/v1/elevations/decide", binding: "command" },
  "platform.elevations.end": { method: "POST", path: "/v1/elevations/end", binding: "command" },
  "platform.tokens.list": { method: "GET", path: "/v1/tokens", binding: "query" },
  "platform.tokens.get": { method: "GET", path: "/v1/tokens/{id}", binding: "query" },
  "platform.tokens.create": { method: "POST", path: "/v1/tokens", binding: "command" },
  "platform.tokens.revoke": { method: "POST", path: "/v1/tokens/revoke", binding: "command" },
  "platform.access.explain": { method: "GET", path: "/v1/access/explain", binding: "query" },
  "platform.access.policies": { method: "GET", path: "/v1/access/policies", binding: "query" },
  "platform.access.roles": { method: "GET", path: "/v1/access/roles", binding: "query" },
  "platform.sessions.list": { method: "GET", path: "/v1/sessions", binding: "query" },
  "platform.sessions.revoke": { method: "POST", path: "/v1/sessions/revoke", binding: "command" },
  "platform.audit.search": { method: "GET", path: "/v1/audit", binding: "query" },
  "platform.audit.export": { method: "GET", path: "/v1/audit/export", binding: "download" },
  "platform.audit.head": { method: "GET", path: "/v1/audit/head", binding: "query" },
  "platform.actions.list": { method: "GET", path: "/v1/actions", binding: "query" },
  "platform.actions.get": { method: "GET", path: "/v1/actions/{key}", binding: "query" },
};
