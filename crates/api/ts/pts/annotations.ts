// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

/** A mark on a graph, as Grafana takes it. */
export interface Annotation {
  /** When it began, in milliseconds since 1970. */
  time: number;
  /** When it ended, or the end of the window for an incident that goes on; absent for a moment. */
  timeEnd?: number | null;
  /** What it is, in a line. */
  title: string;
  /** More about it. */
  text: string;
  /** Its kind, status, severity, service and environment. */
  tags: string[];
}

/** What may be marked. */
export type AnnotationKind = "deployment" | "incident";

/** Which marks are wanted. Everything that is given must hold. */
export interface AnnotationsInput {
  /** What went on at this moment or later; a day before `to` if not given. */
  from?: DashboardMoment | null;
  /** What began before this moment; now if not given. */
  to?: DashboardMoment | null;
  /** Of these kinds; all if not given. */
  kind?: AnnotationKind[];
  /** Of this service. */
  service?: string | null;
  /** Where. */
  environment?: string | null;
}

/** Milliseconds since 1970, an RFC 3339 time, a span back from now, or `now`. */
export type DashboardMoment = string;

/** The actions of `platform.annotations`. */
export interface AnnotationsActions {
  /**
   * Mark deployments and incidents on graphs. Needs `events:read`.
   *
   * What went on between two moments, oldest first, in the shape that Grafana takes annotations in (`data` is the list): give it `from=${__from}&to=${__to}`. A deployment is there if its status was reached in the window or later; an incident that goes on is marked to the end of the window. At most 1,000 of each kind; a warning tells when there were more.
   */
  "platform.annotations.list": {
    input: AnnotationsInput;
    output: Annotation[];
    method: "GET";
    path: "/v1/annotations";
    binding: "query";
  };
}
