// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { EventRecord, ExportFormat, Moment, Problem, Receipt } from "./shared";

/** When to answer. */
export type Ack = "committed" | "accepted";

/** Which events are appended, and how. Over `POST /v1/events`, the events are the body. */
export interface AppendInput {
  /**
   * One event, or 1 to 10,000 of them. An event that comes alone and is not accepted is an error;
   * of several, each has its result.
   */
  events: Events;
  /** `only` checks the events and stores nothing. */
  validate?: Validate | null;
  /**
   * When to answer: `committed` (the default) is after the events are safe on disk; `accepted` is
   * at once, for senders who would rather lose an event than wait.
   */
  ack?: Ack | null;
}

/** What the sender of a batch is told: one result per event, in order. */
export interface BatchResult {
  /** Events stored now. */
  created: number;
  /** Events that were there already. */
  duplicates: number;
  /** Events that were not accepted. */
  rejected: number;
  /** One result per event, in order. */
  items: ItemResult[];
}

export type Events = {
  specversion?: "1.0";
  id?: string | null;
  source: string;
  type: string;
  subject?: string | null;
  time?: string | null;
  data?: unknown;
} | unknown[];

/** Which events are wanted, and how they are written. Everything that is given must hold. */
export interface ExportInput {
  /** How they are written. Without it, `Accept` decides; NDJSON if that names neither. */
  format?: ExportFormat | null;
  /**
   * Types, any of which will do; `deployment.*` stands for a family. Repeat it or separate by
   * commas.
   */
  type?: string[];
  /** Who sent them. */
  source?: string | null;
  /** `data.service`. */
  service?: string | null;
  /** `data.environment`. */
  environment?: string | null;
  /** What they are about. */
  subject?: string | null;
  /** Happened at this moment or later. */
  since?: Moment | null;
  /** Happened before this moment. */
  until?: Moment | null;
  /** Fields of the data, as `data.<path>=<text>`: `data.actor=alice`. */
  data?: Record<string, string>;
}

/** Which event. */
export interface GetEventInput {
  /** The id that PTS gave it. */
  id: string;
}

/** The result of one event of a batch. */
export interface ItemResult {
  /** Its place in the batch, from 0. */
  index: number;
  /** What became of it. */
  status: ItemStatus;
  /** The HTTP status it would have had alone. */
  code: number;
  /** The receipt of an event that was accepted. */
  receipt?: Receipt | null;
  /** Why it was not. */
  problem?: Problem | null;
}

/** What became of one event of a batch. */
export type ItemStatus = "created" | "duplicate" | "valid" | "accepted" | "conflict" | "invalid";

/** Which events are wanted. Everything that is given must hold. */
export interface SearchInput {
  /**
   * Types, any of which will do; `deployment.*` stands for a family. Repeat it or separate by
   * commas.
   */
  type?: string[];
  /** Who sent them. */
  source?: string | null;
  /** `data.service`. */
  service?: string | null;
  /** `data.environment`. */
  environment?: string | null;
  /** What they are about. */
  subject?: string | null;
  /** Happened at this moment or later. */
  since?: Moment | null;
  /** Happened before this moment. */
  until?: Moment | null;
  /** Fields of the data, as `data.<path>=<text>`: `data.actor=alice`. */
  data?: Record<string, string>;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Which events are wanted, as they come. */
export interface StreamInput {
  /** Types, any of which will do; `deployment.*` stands for a family. */
  type?: string[];
  /** Who sends them. */
  source?: string | null;
  /** `data.service`. */
  service?: string | null;
  /** `data.environment`. */
  environment?: string | null;
  /** What they are about. */
  subject?: string | null;
  /** Fields of the data, as `data.<path>=<text>`. */
  data?: Record<string, string>;
  /**
   * Begin behind this place in the log; 0 for its very beginning, the end of the log if not
   * given. `Last-Event-ID` wins over it.
   */
  after?: number | null;
}

/** Whether to store. */
export type Validate = "only";

/** The actions of `platform.events`. */
export interface EventsActions {
  /**
   * Append one event or a batch. Needs `events:write`.
   *
   * Takes one event or an array as JSON (`specversion`, `id` and `time` may be left out), newline-delimited JSON, or CloudEvents 1.0 in structured, batch or binary mode; gzip and zstd; up to 16 MiB. A single event answers 201 with its receipt, 200 when it was there already, 409 when its `(source, id)` stands for another event. A batch answers 200, or 207 when any of its events was not accepted, with a result per event: bad events never hurt their neighbours. With `ack=accepted` the answer is 202 and comes before the events are stored: what is repeated, contradicts itself or is lost with the server is not told. More than can be written is refused at once, with 503, or 429 when one token alone is the reason, and `Retry-After`.
   */
  "platform.events.append": {
    input: AppendInput;
    output: BatchResult;
    method: "POST";
    path: "/v1/events";
    binding: "ingest";
  };
  /** Search events, newest first. Needs `events:read`. */
  "platform.events.search": {
    input: SearchInput;
    output: EventRecord[];
    method: "GET";
    path: "/v1/events";
    binding: "query";
  };
  /**
   * Follow events as they come. Needs `events:read`.
   *
   * Server-sent events. Each has the event's place in the log as its id and the event as its data. Reconnecting with `Last-Event-ID` goes on where the stream broke off, without a loss or a repeat.
   */
  "platform.events.stream": {
    input: StreamInput;
    output: EventRecord;
    method: "GET";
    path: "/v1/events/stream";
    binding: "stream";
  };
  /**
   * Export all events that fit, newest first. Needs `events:read`.
   *
   * Everything that a search with the same filter would page through, in one answer: the state of the log when the export began, whatever is appended meanwhile. As NDJSON, each line is what a search gives, and the last line (`{"end": true, "count": …, "up_to": …, "coverage": …}`) tells how many there were and what is known to be missing. As CSV (RFC 4180), the columns are position, id, time, received_at, type, source, event_id, subject, service, environment, data, attributes, in this order; `data` and `attributes` are JSON. A field that a spreadsheet could take for a formula (it begins with = + - @, a tab or a line break), or that begins with an apostrophe, is written behind an apostrophe: take the first one off to have the field again. Lines end with CRLF. `x-pts-up-to` and `x-pts-coverage` (`complete` or `incomplete`) tell of every export how far it goes and what it rests on. An export that cannot go on is broken off: its body then does not end as HTTP says it should, which clients report as an error.
   */
  "platform.events.export": {
    input: ExportInput;
    output: EventRecord;
    method: "GET";
    path: "/v1/events/export";
    binding: "download";
  };
  /** Look up one event. Needs `events:read`. */
  "platform.events.get": {
    input: GetEventInput;
    output: EventRecord;
    method: "GET";
    path: "/v1/events/{id}";
    binding: "query";
  };
}
