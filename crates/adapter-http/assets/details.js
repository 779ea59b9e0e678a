// The drawer: one thing with everything known of it, what in it cannot be so, and the JSON itself.

import { ask, showProblem } from "./api.js";
import { facts, h, json, moment, tag } from "./dom.js";
import { details as quarantined } from "./quarantine.js";
import { details as signedIn } from "./sessions.js";
import { mood } from "./views.js";

const drawer = document.getElementById("details");
drawer.addEventListener("click", (event) => {
  // A click beside the drawer lands on the dialog itself.
  if (event.target === drawer) drawer.close();
});

let shown = 0;

/** Opens the drawer for an item of a view. */
export async function showDetails(view, name, item) {
  const mine = ++shown;
  const body = h("div", { class: "body" }, h("p", { class: "quiet" }, "…"));
  const close = h("button", { type: "button", onclick: () => drawer.close() }, "Close");
  drawer.replaceChildren(
    h("div", { class: "head" }, h("h2", { id: "details-title" }, name), close),
    body,
  );
  if (!drawer.open) drawer.showModal();
  let parts;
  try {
    parts = await CONTENTS[view](item);
  } catch (error) {
    parts = [showProblem(error), section("JSON", json(item))];
  }
  // Another item may have been opened meanwhile.
  if (mine === shown) body.replaceChildren(...parts.filter(Boolean));
}

const section = (title, ...content) => h("section", null, h("h3", null, title), ...content);

const CONTENTS = {
  quarantine: quarantined,
  sessions: signedIn,

  async events(event) {
    const { data } = await ask("/v1/contradictions", { limit: 1000 });
    const own = data.filter((contradiction) => contradiction.event_id === event.id);
    return [
      contradictions(own),
      facts([
        ["Happened", moment(event.time)],
        ["Received", moment(event.received_at)],
        ["Source", event.source],
        ["Sender's id", event.event_id],
        ["Subject", event.subject],
        ["Place in the log", String(event.position)],
        ["PTS id", h("code", null, event.id)],
      ]),
      section("JSON", json(event)),
    ];
  },

  async deployments(item) {
    const { data } = await ask(`/v1/deployments/${encodeURIComponent(item.deployment_id)}`, {
      service: item.service,
      environment: item.environment,
    });
    const { deployment: d } = data;
    return [
      contradictions(data.contradictions),
      facts([
        ["Status", tag(d.status, mood(d.status))],
        ["Service", d.service],
        ["Environment", d.environment],
        ["Version", d.version],
        ["Replaced", d.replaced?.version ?? d.previous_version],
        ["Image", d.image],
        ["Commit", d.commit && h("code", null, d.commit)],
        ["By", d.actor],
        ["Reason", d.reason],
        ["Pipeline", link(d.pipeline_url)],
        ["Requested", moment(d.requested_at)],
        ["Started", moment(d.started_at)],
        ["Finished", moment(d.finished_at)],
        ["Rolled back", moment(d.rolled_back_at)],
      ]),
      section("Events that made it", history(data.events)),
      section("JSON", json(data)),
    ];
  },

  async services(item) {
    const { data } = await ask(`/v1/services/${encodeURIComponent(item.service)}`);
    const instances = data.instances.map((instance) =>
      h(
        "li",
        null,
        tag(instance.liveness, mood(instance.liveness)),
        h("span", null, `${instance.environment} · ${instance.instance} · ${instance.version ?? "no version"}`),
      ),
    );
    return [
      section("Instances", instances.length ? h("ul", { class: "history" }, instances) : h("p", null, "None reported.")),
      data.recent_changes.length ? section("Recent changes", h("ol", { class: "history" }, data.recent_changes.map(change))) : null,
      section("JSON", json(data)),
    ];
  },

  async incidents(incident) {
    return [
      facts([
        ["Status", tag(incident.status, mood(incident.status))],
        ["Severity", incident.severity],
        ["Service", incident.service],
        ["Environment", incident.environment],
        ["Caused by", incident.deployment_id],
        ["Opened", moment(incident.opened_at)],
        ["Acknowledged", moment(incident.acknowledged_at)],
        ["Resolved", moment(incident.resolved_at)],
      ]),
      section("JSON", json(incident)),
    ];
  },
};

function contradictions(list) {
  if (!list.length) return null;
  const items = list.map(({ about, message }) => h("li", null, h("code", null, about), ` ${message}`));
  return h("div", { class: "notice" }, h("strong", null, "This does not fit what was known"), h("ul", null, items));
}

function history(events) {
  const items = events.map((event) =>
    h("li", null, moment(event.time), tag(event.type, mood(event.type)), h("span", { class: "quiet" }, event.source)),
  );
  return h("ol", { class: "history" }, items);
}

function change({ time, type, environment, summary }) {
  const where = environment ? h("span", { class: "quiet" }, environment) : null;
  return h("li", null, moment(time), tag(type, mood(type)), h("span", null, summary), where);
}

/** A link, if the address is one of the web: whoever sends events decides what it says. */
function link(address) {
  if (!address) return null;
  return /^https?:\/\//i.test(address)
    ? h("a", { href: address, rel: "noreferrer noopener", target: "_blank" }, address)
    : address;
}
