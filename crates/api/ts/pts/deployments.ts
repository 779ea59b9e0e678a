// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Contradiction, Declared, EventRecord, EventRef, ExportFormat, Moment } from "./shared";

/** What is known of one deployment. */
export interface Deployment {
  /** The service. */
  service: string;
  /** Where it was deployed to. */
  environment: string;
  /** The sender's name for the attempt. */
  deployment_id: string;
  /** How far it has come. */
  status: DeploymentStatus;
  /** When that was reached. */
  status_at: string;
  /** The version that it brings. */
  version: string | null;
  /** The image that it brings. */
  image: string | null;
  /** The commit that the version was built from. */
  commit: string | null;
  /** When that commit was made. */
  commit_time: string | null;
  /** Who or what acted. */
  actor: string | null;
  /** The pipeline's run. */
  pipeline_url: string | null;
  /** Why, in words; the newest that was given. */
  reason: string | null;
  /** What ran before, as its sender said. */
  previous_version: string | null;
  /**
   * What ran before, as worked out from the deployment before it: this is what a rollback
   * returns to.
   */
  replaced: Declared | null;
  /** Whether its sender called it unplanned work. */
  unplanned: boolean | null;
  /** When it was asked for. */
  requested_at: string | null;
  /** When it began. */
  started_at: string | null;
  /** When it succeeded. */
  succeeded_at: string | null;
  /** When it ended, however it ended; absent while it goes on. */
  finished_at: string | null;
  /** When it was taken back. */
  rolled_back_at: string | null;
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one so far. */
  last_position: number;
  /** How many events named it. */
  event_count: number;
  /** The last hundred of those events, in the order of the log. */
  events: EventRef[];
}

/** A deployment and where the knowledge of it comes from. */
export interface DeploymentDetail {
  /** The deployment. */
  deployment: Deployment;
  /** The events that made it, in the order of the log; the last hundred. */
  events: EventRecord[];
  /** What in them did not fit, newest first; at most a hundred. */
  contradictions: Contradiction[];
}

/** How far a deployment has come. */
export type DeploymentStatus = "requested" | "started" | "succeeded" | "failed" | "cancelled" | "rolled_back";

/** Which deployments are wanted. Everything that is given must hold. */
export interface DeploymentsFeedInput {
  /** Of this service. */
  service?: string | null;
  /** Into this environment. */
  environment?: string | null;
  /** Of this status. */
  status?: DeploymentStatus | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
}

/** Which deployments are wanted, and how they are written. Everything that is given must hold. */
export interface ExportDeploymentsInput {
  /** How they are written. Without it, `Accept` decides; NDJSON if that names neither. */
  format?: ExportFormat | null;
  /** Of this service. */
  service?: string | null;
  /** Into this environment. */
  environment?: string | null;
  /** Of this status. */
  status?: DeploymentStatus | null;
  /** Of this version. */
  version?: string | null;
  /** Whose status was reached at this moment or later. */
  since?: Moment | null;
  /** Whose status was reached before this moment. */
  until?: Moment | null;
}

/** Which deployment. */
export interface GetDeploymentInput {
  /** The sender's name for it. */
  id: string;
  /** Its service; needed where the same id was used by several. */
  service?: string | null;
  /** Its environment; needed where the same id was used in several. */
  environment?: string | null;
}

/** Which deployments are wanted. Everything that is given must hold. */
export interface SearchDeploymentsInput {
  /** Of this service. */
  service?: string | null;
  /** Into this environment. */
  environment?: string | null;
  /** Of this status. */
  status?: DeploymentStatus | null;
  /** Of this version. */
  version?: string | null;
  /** Whose status was reached at this moment or later. */
  since?: Moment | null;
  /** Whose status was reached before this moment. */
  until?: Moment | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** The actions of `platform.deployments`. */
export interface DeploymentsActions {
  /** Search deployments, the one first reported last first. Needs `events:read`. */
  "platform.deployments.search": {
    input: SearchDeploymentsInput;
    output: Deployment[];
    method: "GET";
    path: "/v1/deployments";
    binding: "query";
  };
  /**
   * Follow deployments in a feed reader (Atom). Needs `events:read`.
   *
   * One entry a deployment, the one first reported last first; an entry changes with the status of its deployment. Feed readers and calendars cannot send a bearer token; they may send it as the password of `Authorization: Basic`, with any user name. A token in the URL is not accepted: URLs end up in logs and histories. Ask again with `If-None-Match` (or `If-Modified-Since`): 304 tells that nothing has changed. `x-pts-coverage` is `incomplete` when something is known to be missing.
   */
  "platform.deployments.feed": {
    input: DeploymentsFeedInput;
    output: Deployment[];
    method: "GET";
    path: "/v1/deployments/feed.atom";
    binding: "feed";
  };
  /**
   * Show deployments in a calendar (iCalendar). Needs `events:read`.
   *
   * One event a deployment, from when it was asked for or began to when it ended. `SEQUENCE` counts the reports of it. Feed readers and calendars cannot send a bearer token; they may send it as the password of `Authorization: Basic`, with any user name. A token in the URL is not accepted: URLs end up in logs and histories. Ask again with `If-None-Match` (or `If-Modified-Since`): 304 tells that nothing has changed. `x-pts-coverage` is `incomplete` when something is known to be missing.
   */
  "platform.deployments.calendar": {
    input: DeploymentsFeedInput;
    output: Deployment[];
    method: "GET";
    path: "/v1/deployments/calendar.ics";
    binding: "feed";
  };
  /**
   * Export all deployments that fit, the one first reported last first. Needs `events:read`.
   *
   * Every deployment that was reported when the export began, each as it is when it is read. As NDJSON, each line is what a search gives, and the last line (`{"end": true, "count": …, "up_to": …, "coverage": …}`) tells how many there were and what is known to be missing. As CSV (RFC 4180), the columns are deployment_id, service, environment, status, status_at, version, previous_version, image, commit, commit_time, actor, pipeline_url, reason, unplanned, requested_at, started_at, succeeded_at, finished_at, rolled_back_at, first_position, last_position, event_count, in this order. A field that a spreadsheet could take for a formula (it begins with = + - @, a tab or a line break), or that begins with an apostrophe, is written behind an apostrophe: take the first one off to have the field again. Lines end with CRLF. `x-pts-up-to` and `x-pts-coverage` (`complete` or `incomplete`) tell of every export how far it goes and what it rests on. An export that cannot go on is broken off: its body then does not end as HTTP says it should, which clients report as an error.
   */
  "platform.deployments.export": {
    input: ExportDeploymentsInput;
    output: Deployment;
    method: "GET";
    path: "/v1/deployments/export";
    binding: "download";
  };
  /**
   * Look up one deployment, with the events that made it. Needs `events:read`.
   *
   * An id that several services or environments used answers 409 and lists them; `service` and `environment` choose.
   */
  "platform.deployments.get": {
    input: GetDeploymentInput;
    output: DeploymentDetail;
    method: "GET";
    path: "/v1/deployments/{id}";
    binding: "query";
  };
}
