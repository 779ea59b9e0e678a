// Who is signed in, and the way to end it.

import { send, showProblem } from "./api.js";
import { facts, h, json, moment } from "./dom.js";

export const PLACES = { browser: "browser", command_line: "command line" };

/** The contents of the drawer. */
export function details(session) {
  return [
    wayOut(session),
    facts([
      ["Who", session.name],
      ["Person", session.subject],
      ["Where", PLACES[session.place]],
      ["Roles", session.roles.join(", ")],
      ["Workspace", session.workspace ?? "all"],
      ["Signed in", moment(session.created_at)],
      ["Last used", session.last_used_at && moment(session.last_used_at)],
      ["Over if not used until", session.idle_ends_at && moment(session.idle_ends_at)],
      ["Over in any case", session.expires_at && moment(session.expires_at)],
      ["Session", h("code", null, session.id)],
    ]),
    h("section", null, h("h3", null, "JSON"), json(session)),
  ];
}

function wayOut(session) {
  const outcome = h("div", { "aria-live": "polite" });
  const end = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await send("/v1/sessions/revoke", { id: session.id });
      outcome.replaceChildren(h("p", { class: "notice" }, "It is over, everywhere within a second."));
      window.dispatchEvent(new Event("pts:changed"));
    } catch (error) {
      outcome.replaceChildren(showProblem(error));
      button.disabled = false;
    }
  };
  const button = h("button", { type: "submit" }, session.current ? "End this session of yours" : "End the session");
  return h("form", { class: "ways-on", onsubmit: end }, button, outcome);
}
