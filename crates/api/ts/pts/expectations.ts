// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

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

/** Which sources are wanted. */
export interface ListExpectationsInput {
  /** In this state. */
  state?: ReporterState | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Where it is known from how often a source reports. */
export type Origin = "declared" | "learned";

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

/** Whether a source reports as it should. */
export type ReporterState = "ok" | "silent" | "never_heard" | "gone";

/** What a source will do. */
export interface SetExpectationInput {
  /** The source, as its events name it; 1 to 1,024 bytes. */
  source: string;
  /** It reports at least so often, in seconds; 1 to 2,678,400 (31 days). */
  every_s: number;
}

/** The actions of `platform.expectations`. */
export interface ExpectationsActions {
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
}
