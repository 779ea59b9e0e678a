// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Effect, ExportFormat, Moment } from "./shared";

/** What kind of actor somebody is. */
export type ActorKind = "bearer" | "session" | "service" | "console" | "itself" | "unknown";

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

/** Nothing can be asked for. */
export type GetAuditHeadInput = Record<string, never>;

/** A SHA-256, as hex digits. */
export type Hash = string;

/** Which key it was: the first 16 hex digits of the SHA-256 of the public key. */
export type KeyId = string;

/** How an act ended, as far as it is known. */
export type Outcome = "intended" | "allowed" | "denied" | "failed" | "unknown";

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

/** An Ed25519 signature, as hex digits. */
export type Signature = string;

/** The actions of `platform.audit`. */
export interface AuditActions {
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
}
