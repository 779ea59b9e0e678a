// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Moment } from "./shared";

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

/** The actions of `platform.accounting`. */
export interface AccountingActions {
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
}
