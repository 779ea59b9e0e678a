// What each tab shows: where it asks, by what it filters, and what its columns hold.

import { ago, duration, h, moment, tag } from "./dom.js";
import { MOODS as STATES, reasons } from "./quarantine.js";
import { PLACES } from "./sessions.js";

const SINCE = {
  name: "since",
  label: "Since",
  options: [
    ["", "ever"],
    ["15m", "15 minutes"],
    ["1h", "1 hour"],
    ["24h", "24 hours"],
    ["7d", "7 days"],
    ["30d", "30 days"],
  ],
};
const SERVICE = { name: "service", label: "Service", placeholder: "payments" };
const ENVIRONMENT = { name: "environment", label: "Environment", placeholder: "production" };

const MOODS = {
  bad: ["failed", "crashed", "open", "opened", "degraded", "critical"],
  good: ["succeeded", "ready", "resolved", "recovered", "published", "registered", "alive"],
  warn: ["rolled_back", "cancelled", "acknowledged", "stopped", "silent", "deregistered", "retired"],
};

/** Good, bad or in between, by the last word of a state or a type. */
export function mood(word) {
  const last = String(word).split(".").at(-1);
  return Object.keys(MOODS).find((name) => MOODS[name].includes(last));
}

/** What an event says, in a few words. */
function gist(event) {
  const text = said(event);
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

function said(event) {
  const data = event.data && typeof event.data === "object" ? event.data : {};
  const change = data.from || data.to ? `${data.from ?? "?"} → ${data.to ?? "?"}` : null;
  const measured = data.value !== undefined ? `${data.name ?? ""} ${data.value} ${data.unit ?? ""}` : null;
  const parts = [
    data.component ?? data.key,
    change,
    data.title ?? data.message,
    measured,
    data.version,
    data.image && (data.tag ? `${data.image}:${data.tag}` : data.image),
    data.instance,
    data.reason,
  ];
  const known = parts.filter(Boolean).map(String);
  if (known.length) return known.slice(0, 3).join(" · ");
  if (event.subject) return event.subject;
  // Of an event that nobody here knows, its first plain fields.
  const plain = Object.entries(data).filter(([name, value]) =>
    !["service", "environment"].includes(name) && typeof value !== "object");
  return plain.slice(0, 3).map(([name, value]) => `${name} ${value}`).join(" · ");
}

/** How a deployment went on from its start to its end. */
function took(deployment) {
  const { started_at: from, finished_at: to } = deployment;
  if (!from) return "";
  if (!to) return "running";
  return duration((new Date(to) - new Date(from)) / 1000);
}

function when(text) {
  return text ? [moment(text), h("span", { class: "under" }, ago(text))] : "";
}

function declaredAgainstObserved(environment) {
  const { declared, observed, agrees } = environment;
  const versions = observed.map(({ version, instances, silent }) => {
    const quiet = silent ? `, ${silent} silent` : "";
    return `${version ?? "no version"} × ${instances}${quiet}`;
  });
  return [
    declared?.version ? `declared ${declared.version}` : "nothing declared",
    versions.length ? `, observed ${versions.join(", ")}` : ", nothing observed",
    " ",
    agrees === true ? tag("agree", "good") : agrees === false ? tag("differ", "bad") : null,
  ];
}

export const VIEWS = {
  events: {
    title: "Events",
    path: "/v1/events",
    live: "/v1/events/stream",
    filters: [
      { name: "type", label: "Type", placeholder: "deployment.*", list: "types" },
      SERVICE,
      ENVIRONMENT,
      SINCE,
    ],
    key: (event) => event.id,
    name: (event) => event.type,
    columns: [
      ["Time", (event) => when(event.time), "time"],
      ["Type", (event) => tag(event.type, mood(event.type))],
      ["Service", (event) => event.data?.service ?? ""],
      ["Environment", (event) => event.data?.environment ?? ""],
      ["What", gist],
      ["Source", (event) => event.source],
    ],
  },
  deployments: {
    title: "Deployments",
    path: "/v1/deployments",
    filters: [
      SERVICE,
      ENVIRONMENT,
      {
        name: "status",
        label: "Status",
        options: [
          ["", "any"],
          ...["requested", "started", "succeeded", "failed", "cancelled", "rolled_back"].map((s) => [s, s]),
        ],
      },
      SINCE,
    ],
    key: (d) => `${d.service}/${d.environment}/${d.deployment_id}`,
    name: (d) => `${d.service} ${d.deployment_id}`,
    columns: [
      ["Since", (d) => when(d.status_at), "time"],
      ["Status", (d) => tag(d.status, mood(d.status))],
      ["Service", (d) => d.service],
      ["Environment", (d) => d.environment],
      [
        "Version",
        (d) => {
          const before = d.replaced?.version ?? d.previous_version;
          return [d.version ?? "", before ? h("span", { class: "under" }, `after ${before}`) : null];
        },
      ],
      ["Took", took],
      ["By", (d) => d.actor ?? ""],
      ["Deployment", (d) => d.deployment_id],
    ],
  },
  services: {
    title: "Services",
    path: "/v1/services",
    filters: [ENVIRONMENT],
    key: (service) => service.service,
    name: (service) => service.service,
    columns: [
      ["Service", (service) => service.service],
      [
        "Runs where",
        (service) =>
          h(
            "div",
            { class: "where" },
            service.environments.flatMap((environment) => [
              h("span", { class: "quiet" }, environment.environment),
              h("span", null, ...declaredAgainstObserved(environment).filter(Boolean)),
            ]),
          ),
      ],
      ["Last seen", (service) => when(service.last_seen_at), "time"],
      ["First seen", (service) => when(service.first_seen_at), "time"],
    ],
  },
  incidents: {
    title: "Incidents",
    path: "/v1/incidents",
    filters: [
      SERVICE,
      ENVIRONMENT,
      {
        name: "status",
        label: "Status",
        options: [["", "any"], ...["open", "acknowledged", "resolved"].map((s) => [s, s])],
      },
    ],
    key: (incident) => incident.incident_id,
    name: (incident) => incident.title ?? incident.incident_id,
    columns: [
      ["Opened", (incident) => when(incident.opened_at), "time"],
      ["Status", (incident) => tag(incident.status, mood(incident.status))],
      ["Severity", (incident) => incident.severity ?? ""],
      ["Title", (incident) => incident.title ?? ""],
      ["Service", (incident) => incident.service ?? ""],
      ["Environment", (incident) => incident.environment ?? ""],
      ["Caused by", (incident) => incident.deployment_id ?? ""],
      ["Incident", (incident) => incident.incident_id],
    ],
  },
  quarantine: {
    title: "Quarantine",
    path: "/v1/quarantine",
    empty: "Nothing was sent that is no event.",
    filters: [
      { name: "source", label: "Source", placeholder: "ci" },
      { name: "type", label: "Type", placeholder: "deployment.*", list: "types" },
      {
        name: "state",
        label: "State",
        options: [["", "any"], ...["waiting", "replayed", "discarded"].map((s) => [s, s])],
      },
      SINCE,
    ],
    key: (item) => item.id,
    name: (item) => item.type ?? "something",
    columns: [
      ["Received", (item) => when(item.received_at), "time"],
      ["State", (item) => tag(item.state, STATES[item.state])],
      ["Source", (item) => item.source ?? ""],
      ["Type", (item) => item.type ?? ""],
      ["Why", reasons],
      ["Times", (item) => String(item.times)],
    ],
  },
  sessions: {
    title: "Sessions",
    path: "/v1/sessions",
    empty: "Nobody is signed in.",
    filters: [{ name: "mine", label: "Whose", options: [["", "all I may see"], ["true", "mine"]] }],
    key: (session) => session.id,
    name: (session) => session.name,
    columns: [
      ["Since", (session) => when(session.created_at), "time"],
      ["Who", (session) => [session.name, session.current ? h("span", { class: "under" }, "this one") : null]],
      ["Where", (session) => PLACES[session.place]],
      ["Roles", (session) => session.roles.join(", ")],
      ["Workspace", (session) => session.workspace ?? ""],
      ["Last used", (session) => (session.last_used_at ? when(session.last_used_at) : ""), "time"],
      ["Until", (session) => (session.expires_at ? when(session.expires_at) : ""), "time"],
    ],
  },
};
