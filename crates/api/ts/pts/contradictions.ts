// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Contradiction } from "./shared";

/** Which contradictions are wanted. */
export interface ListContradictionsInput {
  /** About this, spelt as it stands in the answers: `deployment payments/production/d-42`. */
  about?: string | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** The actions of `platform.contradictions`. */
export interface ContradictionsActions {
  /** List what was reported and cannot be so, newest first. Needs `events:read`. */
  "platform.contradictions.list": {
    input: ListContradictionsInput;
    output: Contradiction[];
    method: "GET";
    path: "/v1/contradictions";
    binding: "query";
  };
}
