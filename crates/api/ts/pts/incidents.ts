// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { EventRef, ExportFormat } from "./shared";

/** Which incidents are wanted, and how they are written. Everything that is given must hold. */
export interface ExportIncidentsInput {
  /** How they are written. Without it, `Accept` decides; NDJSON if that names neither. */
  format?: ExportFormat | null;
  /** Of this service. */
  service?: string | null;
  /** Where. */
  environment?: string | null;
  /** Of this status. */
  status?: IncidentStatus | null;
}

/** What is known of one incident. */
export interface Incident {
  /** The sender's name for it. */
  incident_id: string;
  /** How far it has come. */
  status: IncidentStatus;
  /** When that was reached. */
  status_at: string;
  /** How bad, in the sender's own terms. */
  severity: string | null;
  /** What it is, in a line. */
  title: string | null;
  /** The service that suffers. */
  service: string | null;
  /** Where. */
  environment: string | null;
  /** The deployment that caused it. */
  deployment_id: string | null;
  /** When it began. */
  opened_at: string | null;
  /** When somebody took it up. */
  acknowledged_at: string | null;
  /** When it ended; absent while it goes on. */
  resolved_at: string | null;
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one. */
  last_position: number;
  /** The last hundred events that named it, in the order of the log. */
  events: EventRef[];
}

/** How far an incident has come. */
export type IncidentStatus = "open" | "acknowledged" | "resolved";

/** Which incidents are wanted. Everything that is given must hold. */
export interface IncidentsFeedInput {
  /** Of this service. */
  service?: string | null;
  /** Where. */
  environment?: string | null;
  /** Of this status. */
  status?: IncidentStatus | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
}

/** Which incidents are wanted. Everything that is given must hold. */
export interface SearchIncidentsInput {
  /** Of this service. */
  service?: string | null;
  /** Where. */
  environment?: string | null;
  /** Of this status. */
  status?: IncidentStatus | null;
  /** Of this id. */
  incident_id?: string | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** The actions of `platform.incidents`. */
export interface IncidentsActions {
  /** Search incidents, the one first reported last first. Needs `events:read`. */
  "platform.incidents.search": {
    input: SearchIncidentsInput;
    output: Incident[];
    method: "GET";
    path: "/v1/incidents";
    binding: "query";
  };
  /**
   * Follow incidents in a feed reader (Atom). Needs `events:read`.
   *
   * One entry an incident, the one first reported last first; an entry changes with the status of its incident. Feed readers and calendars cannot send a bearer token; they may send it as the password of `Authorization: Basic`, with any user name. A token in the URL is not accepted: URLs end up in logs and histories. Ask again with `If-None-Match` (or `If-Modified-Since`): 304 tells that nothing has changed. `x-pts-coverage` is `incomplete` when something is known to be missing.
   */
  "platform.incidents.feed": {
    input: IncidentsFeedInput;
    output: Incident[];
    method: "GET";
    path: "/v1/incidents/feed.atom";
    binding: "feed";
  };
  /**
   * Show incidents in a calendar (iCalendar). Needs `events:read`.
   *
   * One event an incident, from its begin to its end; one that goes on has a begin alone. `SEQUENCE` counts what was logged since it was first named. Feed readers and calendars cannot send a bearer token; they may send it as the password of `Authorization: Basic`, with any user name. A token in the URL is not accepted: URLs end up in logs and histories. Ask again with `If-None-Match` (or `If-Modified-Since`): 304 tells that nothing has changed. `x-pts-coverage` is `incomplete` when something is known to be missing.
   */
  "platform.incidents.calendar": {
    input: IncidentsFeedInput;
    output: Incident[];
    method: "GET";
    path: "/v1/incidents/calendar.ics";
    binding: "feed";
  };
  /**
   * Export all incidents that fit, the one first reported last first. Needs `events:read`.
   *
   * Every incident that was reported when the export began, each as it is when it is read. As NDJSON, each line is what a search gives, and the last line (`{"end": true, "count": …, "up_to": …, "coverage": …}`) tells how many there were and what is known to be missing. As CSV (RFC 4180), the columns are incident_id, service, environment, status, status_at, severity, title, deployment_id, opened_at, acknowledged_at, resolved_at, first_position, last_position, in this order. A field that a spreadsheet could take for a formula (it begins with = + - @, a tab or a line break), or that begins with an apostrophe, is written behind an apostrophe: take the first one off to have the field again. Lines end with CRLF. `x-pts-up-to` and `x-pts-coverage` (`complete` or `incomplete`) tell of every export how far it goes and what it rests on. An export that cannot go on is broken off: its body then does not end as HTTP says it should, which clients report as an error.
   */
  "platform.incidents.export": {
    input: ExportIncidentsInput;
    output: Incident;
    method: "GET";
    path: "/v1/incidents/export";
    binding: "download";
  };
}
