// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

/** Somebody or something that a risky action would affect. */
export interface Affected {
  /** What it is: `source`, `type`, `token`, `everybody`. */
  kind: string;
  /** Its name; for a kind that is one alone, how it is affected. */
  name: string;
  /** By how many rows, where that has a meaning. */
  rows?: number | null;
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

/** An action was carried out. */
export interface Done<T> {
  /** True. */
  ok: boolean;
  /** What it gave: the `data` of its answer. */
  data: T;
  /** The rest of its answer. */
  meta: CallMeta;
}

/** What an action does to the world. */
export type Effect = "read" | "write" | "control";

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

/** How an export is written. */
export type ExportFormat = "ndjson" | "csv";

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

/** An RFC 3339 time, `now`, or a span back from now: 90s, 15m, 1h, 30d, 2w. */
export type Moment = string;

/** Whether an answer may be incomplete. */
export type Partial = "allow" | "deny";

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

/** Who says that a version ran. */
export type RunKind = "declared" | "observed";

/** One thing a token may be allowed to do. */
export type Scope = "events:write" | "events:read" | "metrics:read" | "operate" | "tokens:manage" | "access:manage" | "audit:read" | "elevations:request" | "admin";

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

/** What a token is for: a program, or a person's browser session. */
export type TokenKind = "bearer" | "session" | "service";

/**
 * A workspace: 1 to 63 lower-case letters, digits and hyphens, with a letter or a digit at both
 * ends. The usual one is `default`. Cheap to clone: every event carries one.
 */
export type Workspace = string;
