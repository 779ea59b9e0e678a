// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Effect, Scope } from "./shared";

/** One action, as its declaration says it. */
export interface ActionRecord {
  /** Its name: the `actionKey` of `POST /v1/actions`. */
  key: string;
  /** What it does, in a line. */
  summary: string;
  /** What a caller should know beyond that. */
  description: string;
  /** What a caller must be allowed to do. */
  scope: Scope;
  /** What it does to the world. */
  effect: Effect;
  /** Whether it shows first what it would do, and does it only when that is confirmed. */
  risky: boolean;
  /** The method of its route. */
  method: Method;
  /** The path of its route; `{name}` stands for the field `name` of the input. */
  path: string;
  /** Other paths that lead to the same place. */
  aliases: string[];
  /** How input and output travel over its route; a stream, a download and a feed have only that. */
  binding: Binding;
  /** In which media types a download or a feed is written, the usual one first. */
  media_types?: string[];
  /** JSON Schema (2020-12) of its input. */
  input_schema: unknown;
  /**
   * JSON Schema (2020-12) of what it gives: of `data`, or of each event of a stream or a
   * download.
   */
  output_schema: unknown;
  /** Inputs that show what it is for. */
  examples: unknown[];
}

/** How an action's input and output travel over HTTP. */
export type Binding = "query" | "command" | "ingest" | "stream" | "download" | "feed";

/** Which action. */
export interface GetActionInput {
  /** Its name. */
  key: string;
}

/** Which actions are wanted. Everything that is given must hold. */
export interface ListActionsInput {
  /** Those that do this to the world. */
  effect?: Effect | null;
  /** Those that need this scope. */
  scope?: Scope | null;
}

/** The HTTP method of an action's route. */
export type Method = "GET" | "POST";

/** The actions of `platform.actions`. */
export interface ActionsActions {
  /**
   * List the actions, with their schemas. Needs `events:read`.
   *
   * Each can be carried out over its own route or, but for streams, downloads and feeds, by its name over `POST /v1/actions`: the same checks, the same code.
   */
  "platform.actions.list": {
    input: ListActionsInput;
    output: ActionRecord[];
    method: "GET";
    path: "/v1/actions";
    binding: "query";
  };
  /** Look up one action: schemas, scope, effect, examples. Needs `events:read`. */
  "platform.actions.get": {
    input: GetActionInput;
    output: ActionRecord;
    method: "GET";
    path: "/v1/actions/{key}";
    binding: "query";
  };
}
