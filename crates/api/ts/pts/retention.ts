// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

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

/** What was removed. */
export interface RetentionReport {
  /** Events that were removed, of all months together. */
  removed: number;
  /** The months that were gone through, oldest first. */
  months: RemovedMonth[];
}

/** How long events stay that no projection needs. */
export interface RunRetentionInput {
  /** A span such as `400d`, 62 days at the least; as configured if not given. */
  foreign_events?: string | null;
}

/** The actions of `platform.retention`. */
export interface RetentionActions {
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
}
