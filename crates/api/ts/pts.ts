// The contract of PTS as TypeScript. Made from the declarations of the actions by
// `cargo xtask types`; a test fails when it is not as they are. Not to be changed by hand.

import type { AccessActions } from "./pts/access";
import type { AccountingActions } from "./pts/accounting";
import type { ActionsActions } from "./pts/actions";
import type { AnnotationsActions } from "./pts/annotations";
import type { AtActions } from "./pts/at";
import type { AuditActions } from "./pts/audit";
import type { ContradictionsActions } from "./pts/contradictions";
import type { DeploymentsActions } from "./pts/deployments";
import type { DoraActions } from "./pts/dora";
import type { ElevationsActions } from "./pts/elevations";
import type { EventTypesActions } from "./pts/event_types";
import type { EventsActions } from "./pts/events";
import type { ExpectationsActions } from "./pts/expectations";
import type { ImagesActions } from "./pts/images";
import type { IncidentsActions } from "./pts/incidents";
import type { ProjectionsActions } from "./pts/projections";
import type { QuarantineActions } from "./pts/quarantine";
import type { RetentionActions } from "./pts/retention";
import type { ServicesActions } from "./pts/services";
import type { SessionsActions } from "./pts/sessions";
import type { StateActions } from "./pts/state";
import type { TokensActions } from "./pts/tokens";

export type * from "./pts/access";
export type * from "./pts/accounting";
export type * from "./pts/actions";
export type * from "./pts/annotations";
export type * from "./pts/at";
export type * from "./pts/audit";
export type * from "./pts/contradictions";
export type * from "./pts/deployments";
export type * from "./pts/dora";
export type * from "./pts/elevations";
export type * from "./pts/event_types";
export type * from "./pts/events";
export type * from "./pts/expectations";
export type * from "./pts/images";
export type * from "./pts/incidents";
export type * from "./pts/projections";
export type * from "./pts/quarantine";
export type * from "./pts/retention";
export type * from "./pts/services";
export type * from "./pts/sessions";
export type * from "./pts/shared";
export type * from "./pts/state";
export type * from "./pts/tokens";

/** Every action, by its name. */
export interface Actions
  extends AccessActions,
    AccountingActions,
    ActionsActions,
    AnnotationsActions,
    AtActions,
    AuditActions,
    ContradictionsActions,
    DeploymentsActions,
    DoraActions,
    ElevationsActions,
    EventTypesActions,
    EventsActions,
    ExpectationsActions,
    ImagesActions,
    IncidentsActions,
    ProjectionsActions,
    QuarantineActions,
    RetentionActions,
    ServicesActions,
    SessionsActions,
    StateActions,
    TokensActions {}

export type ActionKey = keyof Actions;

/** Where each action is; `{name}` in a path stands for that field of its input. */
export const actions: {
  readonly [K in ActionKey]: Pick<Actions[K], "method" | "path" | "binding">;
} = {
  "platform.events.append": { method: "POST", path: "/v1/events", binding: "ingest" },
  "platform.events.search": { method: "GET", path: "/v1/events", binding: "query" },
  "platform.events.stream": { method: "GET", path: "/v1/events/stream", binding: "stream" },
  "platform.events.export": { method: "GET", path: "/v1/events/export", binding: "download" },
  "platform.events.get": { method: "GET", path: "/v1/events/{id}", binding: "query" },
  "platform.event_types.list": { method: "GET", path: "/v1/event-types", binding: "query" },
  "platform.event_types.get": { method: "GET", path: "/v1/event-types/{type}", binding: "query" },
  "platform.deployments.search": { method: "GET", path: "/v1/deployments", binding: "query" },
  "platform.deployments.feed": { method: "GET", path: "/v1/deployments/feed.atom", binding: "feed" },
  "platform.deployments.calendar": { method: "GET", path: "/v1/deployments/calendar.ics", binding: "feed" },
  "platform.deployments.export": { method: "GET", path: "/v1/deployments/export", binding: "download" },
  "platform.deployments.get": { method: "GET", path: "/v1/deployments/{id}", binding: "query" },
  "platform.services.list": { method: "GET", path: "/v1/services", binding: "query" },
  "platform.services.get": { method: "GET", path: "/v1/services/{name}", binding: "query" },
  "platform.images.search": { method: "GET", path: "/v1/images", binding: "query" },
  "platform.state.list": { method: "GET", path: "/v1/state", binding: "query" },
  "platform.incidents.search": { method: "GET", path: "/v1/incidents", binding: "query" },
  "platform.incidents.feed": { method: "GET", path: "/v1/incidents/feed.atom", binding: "feed" },
  "platform.incidents.calendar": { method: "GET", path: "/v1/incidents/calendar.ics", binding: "feed" },
  "platform.incidents.export": { method: "GET", path: "/v1/incidents/export", binding: "download" },
  "platform.annotations.list": { method: "GET", path: "/v1/annotations", binding: "query" },
  "platform.dora.get": { method: "GET", path: "/v1/dora", binding: "query" },
  "platform.at": { method: "GET", path: "/v1/at", binding: "query" },
  "platform.at.compare": { method: "GET", path: "/v1/at/compare", binding: "query" },
  "platform.contradictions.list": { method: "GET", path: "/v1/contradictions", binding: "query" },
  "platform.accounting.get": { method: "GET", path: "/v1/accounting", binding: "query" },
  "platform.expectations.list": { method: "GET", path: "/v1/expectations", binding: "query" },
  "platform.expectations.set": { method: "POST", path: "/v1/expectations", binding: "command" },
  "platform.expectations.remove": { method: "POST", path: "/v1/expectations/remove", binding: "command" },
  "platform.quarantine.search": { method: "GET", path: "/v1/quarantine", binding: "query" },
  "platform.quarantine.get": { method: "GET", path: "/v1/quarantine/{id}", binding: "query" },
  "platform.quarantine.replay": { method: "POST", path: "/v1/quarantine/replay", binding: "command" },
  "platform.quarantine.discard": { method: "POST", path: "/v1/quarantine/discard", binding: "command" },
  "platform.quarantine.purge": { method: "POST", path: "/v1/quarantine/purge", binding: "command" },
  "platform.retention.run": { method: "POST", path: "/v1/retention/run", binding: "command" },
  "platform.projections.rebuild": { method: "POST", path: "/v1/projections/rebuild", binding: "command" },
  "platform.elevations.request": { method: "POST", path: "/v1/elevations", binding: "command" },
  "platform.elevations.mine": { method: "GET", path: "/v1/elevations/mine", binding: "query" },
  "platform.elevations.search": { method: "GET", path: "/v1/elevations", binding: "query" },
  "platform.elevations.decide": { method: "POST", path: "/v1/elevations/decide", binding: "command" },
  "platform.elevations.end": { method: "POST", path: "/v1/elevations/end", binding: "command" },
  "platform.tokens.list": { method: "GET", path: "/v1/tokens", binding: "query" },
  "platform.tokens.get": { method: "GET", path: "/v1/tokens/{id}", binding: "query" },
  "platform.tokens.create": { method: "POST", path: "/v1/tokens", binding: "command" },
  "platform.tokens.revoke": { method: "POST", path: "/v1/tokens/revoke", binding: "command" },
  "platform.access.explain": { method: "GET", path: "/v1/access/explain", binding: "query" },
  "platform.access.policies": { method: "GET", path: "/v1/access/policies", binding: "query" },
  "platform.access.roles": { method: "GET", path: "/v1/access/roles", binding: "query" },
  "platform.sessions.list": { method: "GET", path: "/v1/sessions", binding: "query" },
  "platform.sessions.revoke": { method: "POST", path: "/v1/sessions/revoke", binding: "command" },
  "platform.audit.search": { method: "GET", path: "/v1/audit", binding: "query" },
  "platform.audit.export": { method: "GET", path: "/v1/audit/export", binding: "download" },
  "platform.audit.head": { method: "GET", path: "/v1/audit/head", binding: "query" },
  "platform.actions.list": { method: "GET", path: "/v1/actions", binding: "query" },
  "platform.actions.get": { method: "GET", path: "/v1/actions/{key}", binding: "query" },
};
