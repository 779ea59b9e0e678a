// The one way to the API: the same routes as everybody else, with the session's cookie. Whatever
// goes wrong arrives as a Problem.

import { h } from "./dom.js";

export class Problem extends Error {
  constructor(document) {
    super(document.detail ?? document.title);
    this.document = document;
  }
}

/** Asks a question; leaves out what is empty. */
export function ask(path, parameters = {}, signal = undefined) {
  return call(`${path}?${query(parameters)}`, { headers: { accept: "application/json" }, signal });
}

/** Has something done. */
export function send(path, input) {
  const headers = { accept: "application/json", "content-type": "application/json" };
  return call(path, { method: "POST", headers, body: JSON.stringify(input) });
}

async function call(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      title: "The server cannot be reached",
      detail: "Nothing answered. It may be starting again.",
    });
  }
  if (response.status === 401) signInAgain();
  const body = await response.json().catch(() => null);
  if (response.ok && body) return body;
  throw new Problem(body ?? { title: `The server answered ${response.status}`, detail: "" });
}

/** The query of some parameters. */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value);
  return new URLSearchParams(given).toString();
}

/** The session is over: back here after signing in. */
export function signInAgain() {
  location.assign(`/signin?next=${encodeURIComponent(location.pathname + location.hash)}`);
}

/** A problem as a person reads it: what, which fields, and the id that stands in the log. */
export function showProblem(error) {
  const { title, detail, errors = [], request_id: id } = error.document ?? {
    title: "This page failed",
    detail: error.message,
  };
  const fields = errors.map((field) =>
    h("li", null, h("code", null, field.field), `: ${field.found ? `found ${field.found}; ` : ""}expected ${field.expected}`),
  );
  return h(
    "div",
    { class: "notice error" },
    h("strong", null, title),
    fields.length ? h("ul", null, fields) : h("p", null, detail ?? ""),
    id ? h("p", { class: "quiet" }, "Request ", h("code", null, id)) : null,
  );
}
