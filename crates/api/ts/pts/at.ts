// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Moment, Run } from "./shared";

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

/** What ran at a moment. */
export interface RanAt {
  /** The moment. */
  time: string;
  /** What the deployments say ran, by service and environment. */
  declared: Run[];
  /** What the instances say ran, by service, environment and instance. */
  observed: Run[];
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

/** At which moment, and where. */
export interface WhatRanAtInput {
  /** The moment; now if not given. */
  time?: Moment | null;
  /** Of this service. */
  service?: string | null;
  /** Where. */
  environment?: string | null;
}

/** The actions of `platform.at`. */
export interface AtActions {
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
}
