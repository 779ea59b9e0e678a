// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Moment, Span } from "./shared";

/** Which share of the deployments led to a rollback or an incident. */
export interface ChangeFailRate {
  /** 0 to 1; absent without deployments. */
  rate: number | null;
  /** Deployments that were rolled back or are named by an incident. */
  failed: number;
  /** Of so many. */
  deployments: number;
}

/** How long a change takes from commit to users, over deployments whose commit time is known. */
export interface ChangeLeadTime {
  /** Median, in seconds; absent when no commit time is known. */
  median_s: number | null;
  /** 90th percentile (nearest rank), in seconds. */
  p90_s: number | null;
  /** Over how many deployments. */
  deployments: number;
}

/** How often changes reach users. */
export interface DeploymentFrequency {
  /** Deployments that succeeded in the window, those rolled back later among them. */
  deployments: number;
  /** The same per day of the window. */
  per_day: number;
  /** Attempts that ended in the window without reaching users: failed or cancelled. */
  attempts_without_success: number;
}

/** The metrics, and of what they are. */
export interface DoraView {
  /** Of this service; absent for all together. */
  service: string | null;
  /** Of this environment; absent for all. */
  environment: string | null;
  /** The period. */
  window: Window;
  /** How often changes reach users. */
  deployment_frequency: DeploymentFrequency;
  /** How long a change takes from commit to users. */
  change_lead_time: ChangeLeadTime;
  /** Which share of the changes hurt. */
  change_fail_rate: ChangeFailRate;
  /** How long it takes to recover from a change that hurt. */
  failed_deployment_recovery_time: RecoveryTime;
  /** Which share of the deployments was work that production forced. */
  rework_rate: ReworkRate;
  /** What the figures above leave out. */
  unattributed: Unattributed;
}

/** Of what the metrics are wanted. */
export interface GetDoraInput {
  /** How long a period, up to 731 days; `30d` if not given. */
  window?: Span | null;
  /** Where the period ends; now if not given. */
  until?: Moment | null;
  /** Of this service; all together if not given. */
  service?: string | null;
  /** Of this environment; `production` if not given, `*` for all. */
  environment?: string | null;
}

/**
 * How long it takes to recover from a deployment that hurt: from its success to the last of its
 * incidents resolved or, without one, to its rollback.
 */
export interface RecoveryTime {
  /** Median, in seconds; absent when nothing has recovered. */
  median_s: number | null;
  /** Deployments that hurt and recovered. */
  recovered: number;
  /** Deployments that hurt and have not. */
  unrecovered: number;
}

/**
 * Which share of the deployments was unplanned: said so by their sender or, where the sender did
 * not say, begun while an incident of the same service and environment was open.
 */
export interface ReworkRate {
  /** 0 to 1; absent without deployments. */
  rate: number | null;
  /** Unplanned deployments. */
  rework: number;
  /** Of so many. */
  deployments: number;
}

/** What the figures leave out. */
export interface Unattributed {
  /** Deployments without a commit time: not in the lead time. */
  deployments_without_commit_time: number;
  /** Deployments whose commit is later than their success: not in the lead time. */
  deployments_with_impossible_commit_time: number;
  /** Incidents opened in the window that name no deployment: in no failure rate. */
  incidents_without_deployment: number;
  /** Incidents opened in the window that name a deployment nobody reported. */
  incidents_with_unknown_deployment: number;
}

/** The period that is looked at: from, inclusive, to, exclusive. */
export interface Window {
  /** From this moment on. */
  from: string;
  /** Up to this moment. */
  to: string;
}

/** The actions of `platform.dora`. */
export interface DoraActions {
  /** Work out DORA's five metrics over a window. Needs `events:read`. */
  "platform.dora.get": {
    input: GetDoraInput;
    output: DoraView;
    method: "GET";
    path: "/v1/dora";
    binding: "query";
  };
}
