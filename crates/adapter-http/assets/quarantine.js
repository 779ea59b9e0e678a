// What was sent and is no event: why, as it came, and the two ways on for what still waits.

import { ask, send, showProblem } from "./api.js";
import { facts, h, json, moment, tag } from "./dom.js";

export const MOODS = { waiting: "warn", replayed: "good" };

/** What is wrong with an item, in a few words. */
export function reasons(item) {
  if (item.reason) return item.reason;
  const shown = item.errors.slice(0, 2).map((error) => `${error.field}: ${said(error)}`);
  const more = item.errors.length - shown.length;
  return shown.join("; ") + (more > 0 ? `; and ${more} more` : "");
}

/** The contents of the drawer. */
export async function details(shown) {
  const { data: item } = await ask(`/v1/quarantine/${encodeURIComponent(shown.id)}`);
  const sent = typeof item.item === "string" ? h("pre", { tabindex: "0" }, item.item) : json(item.item);
  const errors = item.errors.map((error) => h("li", null, h("code", null, error.field), ` ${said(error)}`));
  return [
    item.state === "waiting" ? waysOn(item) : null,
    h("section", null, h("h3", null, "Why it is no event"), h("ul", { class: "history" }, errors)),
    facts([
      ["State", tag(item.state, MOODS[item.state])],
      ["Reason", item.reason],
      ["Event", item.replayed_as && h("code", null, item.replayed_as)],
      ["Received", moment(item.received_at)],
      ["Sent", item.times > 1 ? [`${item.times} times, last `, moment(item.last_at)] : "once"],
      ["Source", item.source],
      ["Type", item.type],
      ["Form", item.form],
      ["Token", h("code", null, item.token)],
      ["Item", h("code", null, item.id)],
    ]),
    item.item === undefined ? null : h("section", null, h("h3", null, "As it came"), sent),
  ];
}

function said(error) {
  return error.found ? `found ${error.found}; expected ${error.expected}` : `${error.code}; ${error.expected}`;
}

function waysOn(item) {
  const outcome = h("div", { "aria-live": "polite" });
  const reason = h("input", { id: "reason", name: "reason", required: true, maxlength: "500", autocomplete: "off", placeholder: "why it is given up" });
  const act = async (work) => {
    const enable = (yes) => buttons.forEach((button) => { button.disabled = !yes; });
    enable(false);
    try {
      const { text, waits } = await work();
      outcome.replaceChildren(h("p", { class: "notice" }, text));
      enable(waits);
      window.dispatchEvent(new Event("pts:changed"));
    } catch (error) {
      outcome.replaceChildren(showProblem(error));
      enable(true);
    }
  };
  const replay = () => act(async () => {
    const { data } = await send("/v1/quarantine/replay", { ids: [item.id] });
    const { status } = data.items[0];
    return { text: REPLAYED[status], waits: status === "invalid" };
  });
  const discard = (event) => {
    event.preventDefault();
    act(async () => {
      const { data } = await send("/v1/quarantine/discard", { ids: [item.id], reason: reason.value });
      return { text: data.discarded ? "It was given up." : "It no longer waits.", waits: false };
    });
  };
  const buttons = [
    h("button", { class: "primary", type: "button", onclick: replay }, "Replay"),
    h("button", { type: "submit" }, "Discard"),
  ];
  return h("form", { class: "ways-on", onsubmit: discard },
    buttons[0],
    h("div", null, h("label", { for: "reason" }, "Reason"), reason),
    buttons[1],
    outcome);
}

const REPLAYED = {
  stored: "It is an event now.",
  duplicate: "It was there already.",
  invalid: "It is still no event.",
  settled: "It no longer waits.",
  unknown: "It is not known any more.",
};
