// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Moment, Scope, Workspace } from "./shared";

/** What is decided on which request, and why. */
export interface DecideElevationInput {
  /** The request. */
  id: string;
  /** What is decided. */
  verdict: Verdict;
  /** Why, for whoever asks later; 1 to 500 characters. */
  reason: string;
}

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

/**
 * Who asks, holds or decides. A person is the same in every session and with every token of theirs;
 * a session that was opened with a token is that token.
 */
export type Holder = string;

/** Which of one's own requests are wanted. Everything that is given must hold. */
export interface MyElevationsInput {
  /** In this state. */
  state?: ElevationState | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** What is asked for, what for, and for how long. */
export interface RequestElevationInput {
  /** The scopes. */
  scopes: Scope[];
  /** What for, for whoever decides and whoever asks later; 1 to 500 characters. */
  reason: string;
  /** For how many minutes from its approval; as many as the deployment allows at the most. */
  minutes: number;
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

/** What somebody decides on another's request. */
export type Verdict = "approve" | "deny";

/** The actions of `platform.elevations`. */
export interface ElevationsActions {
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
}
