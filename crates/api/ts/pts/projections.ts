// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

/** There is nothing to say. */
export type RebuildProjectionsInput = Record<string, never>;

/** What was worked out again. */
export interface Rebuilt {
  /** Events that were replayed. */
  events: number;
  /** Aggregates that were written. */
  aggregates: number;
}

/** The actions of `platform.projections`. */
export interface ProjectionsActions {
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
}
