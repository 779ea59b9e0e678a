// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { FieldError, Moment } from "./shared";

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

/** Which item. */
export interface GetQuarantinedInput {
  /** The `quarantine_id` that its sender was told. */
  id: string;
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

/** What became of an item. */
export type State = "waiting" | "replayed" | "discarded";

/** The actions of `platform.quarantine`. */
export interface QuarantineActions {
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
}
