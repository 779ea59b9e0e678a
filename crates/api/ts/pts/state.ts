// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

/** The operational state of one component. */
export interface ComponentState {
  /** Which component. */
  component: string;
  /** Where, if it was said. */
  environment: string | null;
  /** The service it belongs to, if it was said. */
  service: string | null;
  /** The state it is in. */
  state: string;
  /** Since when. */
  since: string;
  /** The last hundred changes, by the time they happened, oldest first. */
  timeline: StateChange[];
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one. */
  last_position: number;
}

/** Which states are wanted. Everything that is given must hold. */
export interface ListStatesInput {
  /** Of this component. */
  component?: string | null;
  /** Where. */
  environment?: string | null;
  /** Of this service. */
  service?: string | null;
  /** Only components in this state. */
  state?: string | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** One change of state. */
export interface StateChange {
  /** The event that said so. */
  event_id: string;
  /** When it happened. */
  time: string;
  /** The state it left, as the sender said. */
  from: string | null;
  /** The state it came to. */
  to: string;
  /** Why, in words. */
  reason: string | null;
  /** Who or what changed it. */
  actor: string | null;
}

/** The actions of `platform.state`. */
export interface StateActions {
  /** List components, the state each is in, and how it came to be. Needs `events:read`. */
  "platform.state.list": {
    input: ListStatesInput;
    output: ComponentState[];
    method: "GET";
    path: "/v1/state";
    binding: "query";
  };
}
