// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { Declared, Run } from "./shared";

/** What one setting is set to. */
export interface ConfigEntry {
  /** The service it configures; absent for the platform's own. */
  service: string | null;
  /** Where, if it was said. */
  environment: string | null;
  /** Which setting. */
  key: string;
  /** The value; null when it was removed. */
  value: unknown;
  /** The value before, as known here or as its sender said. */
  previous: unknown;
  /** When it was changed. */
  changed_at: string;
  /** Who or what changed it. */
  actor: string | null;
  /** Why, in words. */
  reason: string | null;
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one. */
  last_position: number;
}

/** What runs in one environment: declared against observed. */
export interface EnvironmentSummary {
  /** The environment. */
  environment: string;
  /** What the deployments say runs there. */
  declared: Declared | null;
  /** What its instances say runs there. */
  observed: ObservedVersion[];
  /** Whether both say the same; absent when one of them says nothing. */
  agrees: boolean | null;
  /** When the service said that it left the environment. */
  deregistered_at: string | null;
}

/** Which service. */
export interface GetServiceInput {
  /** Its name. */
  name: string;
}

/** What an instance last said of itself. */
export type InstanceState = "registered" | "started" | "ready" | "degraded" | "stopped" | "crashed" | "deregistered";

/** An instance, and whether it can be believed to be alive now. */
export interface InstanceView {
  /** The service it belongs to. */
  service: string;
  /** Where it runs. */
  environment: string;
  /** Its name; `default` when its sender gave none. */
  instance: string;
  /** What it last said of itself. */
  state: InstanceState;
  /** Since when. */
  state_since: string;
  /** The version that it runs. */
  version: string | null;
  /** The image that it runs. */
  image: string | null;
  /** The machine it runs on. */
  host: string | null;
  /** Its process id. */
  pid: number | null;
  /** How its last process ended. */
  exit_code: number | null;
  /** Why, in words; the newest that was given. */
  reason: string | null;
  /** For so many seconds it may be silent. */
  ttl_s: number | null;
  /** When its process last started. */
  started_at: string | null;
  /** When it was last heard of. */
  last_seen_at: string;
  /** The period that goes on now, or went on last. */
  run: Run | null;
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last one. */
  last_position: number;
  /** Whether it can be believed to be alive now. */
  liveness: Liveness;
  /** When it will count, or did begin to count, as silent. */
  expires_at: string | null;
}

/** Which services are wanted. */
export interface ListServicesInput {
  /** Only those known in this environment. */
  environment?: string | null;
  /** At most so many, 1 to 1,000; 100 if not given. */
  limit?: number | null;
  /** `next_cursor` of the page before. */
  cursor?: string | null;
}

/** Whether an instance can be believed to be alive, at some moment. */
export type Liveness = "alive" | "silent" | "ended" | "unknown";

/** How many instances say that they run a version. */
export interface ObservedVersion {
  /** The version; absent when they named none. */
  version: string | null;
  /** Instances that run it and are alive as far as is known. */
  instances: number;
  /** Instances that should run it and have fallen silent. */
  silent: number;
}

/** What is known of one service. */
export interface Service {
  /** Its name. */
  service: string;
  /** When it was first heard of, by the time of the events. */
  first_seen_at: string;
  /** What each environment is declared to run. */
  environments: Record<string, ServiceEnvironment>;
  /**
   * The last hundred changes by the time they happened: deployments, configuration, states,
   * incidents, crashes; oldest first.
   */
  recent_changes?: ServiceChange[];
  /** Place in the log of the first event that named it. */
  first_position: number;
  /** Place in the log of the last event that changed it. */
  last_position: number;
}

/** A change that may explain something. */
export interface ServiceChange {
  /** The event that said so. */
  event_id: string;
  /** Its type. */
  type: string;
  /** When it happened. */
  time: string;
  /** Where, if it was said. */
  environment: string | null;
  /** What changed, in a line. */
  summary: string;
}

/** A service with everything known of it. */
export interface ServiceDetail {
  /** The service. */
  service: Service;
  /** What runs in each environment. */
  environments: EnvironmentSummary[];
  /** Its instances; at most a thousand, those last heard of. */
  instances: InstanceView[];
  /** Its settings, as far as somebody reported them; at most a thousand. */
  config: ConfigEntry[];
  /** What changed lately, newest first. */
  recent_changes: ServiceChange[];
}

/** One environment of a service. */
export interface ServiceEnvironment {
  /** What the deployments say runs there. */
  declared: Declared | null;
  /** When the service said that it exists there. */
  registered_at: string | null;
  /** When it said that it does not any more. */
  deregistered_at: string | null;
}

/** A service in a list. */
export interface ServiceSummary {
  /** Its name. */
  service: string;
  /** When it was first heard of. */
  first_seen_at: string;
  /** When one of its instances was last heard of. */
  last_seen_at: string | null;
  /** What runs in each environment. */
  environments: EnvironmentSummary[];
}

/** The actions of `platform.services`. */
export interface ServicesActions {
  /** List services and what runs where, declared against observed. Needs `events:read`. */
  "platform.services.list": {
    input: ListServicesInput;
    output: ServiceSummary[];
    method: "GET";
    path: "/v1/services";
    binding: "query";
  };
  /** Look up one service: instances, versions, recent changes. Needs `events:read`. */
  "platform.services.get": {
    input: GetServiceInput;
    output: ServiceDetail;
    method: "GET";
    path: "/v1/services/{name}";
    binding: "query";
  };
}
