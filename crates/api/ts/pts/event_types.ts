// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

/** One platform event type. */
export interface EventTypeRecord {
  /** The CloudEvents `type`. */
  type: string;
  /** What stands before the dot. */
  family: string;
  /** Version of the data's shape. */
  version: number;
  /** What it says, in a line. */
  summary: string;
  /** Fields of `data` that must be there. */
  required: string[];
  /** JSON Schema (2020-12) of `data`; only when one type is asked for. */
  schema?: unknown;
  /** A whole event, ready to be posted; only when one type is asked for. */
  example?: unknown;
}

/** Which type. */
export interface GetEventTypeInput {
  /** Its name. */
  type: string;
}

/** Which types. */
export interface ListEventTypesInput {
  /** Only this family, such as `deployment`. */
  family?: string | null;
}

/** The actions of `platform.event_types`. */
export interface EventTypesActions {
  /** List the platform event types. Needs `events:read`. */
  "platform.event_types.list": {
    input: ListEventTypesInput;
    output: EventTypeRecord[];
    method: "GET";
    path: "/v1/event-types";
    binding: "query";
  };
  /** Look up one platform event type, with its schema and an example. Needs `events:read`. */
  "platform.event_types.get": {
    input: GetEventTypeInput;
    output: EventTypeRecord;
    method: "GET";
    path: "/v1/event-types/{type}";
    binding: "query";
  };
}
