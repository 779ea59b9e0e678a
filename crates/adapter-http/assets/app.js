// The admin page: which tab, which filters, which page of the list. What is shown stands in the
// address behind the #, so that a view can be bookmarked and the back button works.

import { ask, query, showProblem } from "./api.js";
import { showDetails } from "./details.js";
import { h, tag } from "./dom.js";
import { follow } from "./live.js";
import { VIEWS } from "./views.js";

const PAGE = 50;
const MOST_ROWS = 1000;
const $ = (id) => document.getElementById(id);

const state = { view: "events", filters: {}, stopLive: null, loading: null };

// Where we are

function readAddress() {
  const [view, text] = location.hash.slice(1).split("?");
  state.view = VIEWS[view] ? view : "events";
  const known = VIEWS[state.view].filters.map((filter) => filter.name);
  const given = [...new URLSearchParams(text)].filter(([name]) => known.includes(name));
  state.filters = Object.fromEntries(given);
}

function address(view, filters) {
  const text = query(filters);
  return text ? `#${view}?${text}` : `#${view}`;
}

function show() {
  readAddress();
  stopLive();
  document.title = `${VIEWS[state.view].title} · PTS`;
  renderTabs();
  renderFilters();
  renderLive();
  load();
}

function renderTabs() {
  const tabs = Object.entries(VIEWS).map(([name, view]) => {
    const shared = Object.entries(state.filters).filter(([filter]) =>
      view.filters.some((known) => known.name === filter && filter !== "status"),
    );
    const current = name === state.view ? "page" : null;
    return h("a", { href: address(name, Object.fromEntries(shared)), "aria-current": current }, view.title);
  });
  $("tabs").replaceChildren(...tabs);
}

// Filters

function renderFilters() {
  const fields = VIEWS[state.view].filters.map((filter) => {
    const id = `filter-${filter.name}`;
    const value = state.filters[filter.name] ?? "";
    const control = filter.options
      ? h("select", { id, name: filter.name, onchange: apply }, filter.options.map(([key, label]) =>
          h("option", { value: key, selected: key === value }, label)))
      : h("input", { id, name: filter.name, value, placeholder: filter.placeholder, list: filter.list,
          autocomplete: "off", spellcheck: "false" });
    return h("div", null, h("label", { for: id }, filter.label), control);
  });
  const actions = h("div", { class: "actions" },
    h("button", { class: "primary", type: "submit" }, "Show"),
    h("button", { type: "button", onclick: () => go({}) }, "Clear"));
  const lists = VIEWS[state.view].filters.some((filter) => filter.list) ? [typeList()] : [];
  $("filters").replaceChildren(...fields, actions, ...lists);
}

let types = null;

/** Names of event types, offered while typing. */
function typeList() {
  const list = h("datalist", { id: "types" });
  types ??= ask("/v1/event-types").then(({ data }) => {
    const families = [...new Set(data.map((type) => `${type.family}.*`))];
    return [...families, ...data.map((type) => type.type)];
  });
  // Without the offer, the field works all the same.
  types.then((names) => list.append(...names.map((value) => h("option", { value }))), () => { types = null; });
  return list;
}

function apply() {
  const given = [...new FormData($("filters"))].map(([name, value]) => [name, value.trim()]);
  go(Object.fromEntries(given.filter(([, value]) => value)));
}

function go(filters) {
  const to = address(state.view, filters);
  if (location.hash === to) show();
  else location.hash = to;
}

// The list

async function load(cursor = null) {
  state.loading?.abort();
  const loading = new AbortController();
  state.loading = loading;
  const view = VIEWS[state.view];
  if (!cursor) $("coverage").replaceChildren("Loading…");
  $("more").replaceChildren();
  try {
    const parameters = { ...state.filters, limit: String(PAGE), cursor };
    const answer = await ask(view.path, parameters, loading.signal);
    $("notice").replaceChildren();
    renderCoverage(answer);
    if (cursor) append(view, answer.data);
    else renderList(view, answer.data);
    renderMore(answer.next_cursor);
  } catch (error) {
    if (error.name === "AbortError") return;
    $("coverage").replaceChildren();
    $("notice").replaceChildren(showProblem(error));
    if (!cursor) $("list").replaceChildren();
    else renderMore(cursor);
  }
}

function renderCoverage({ coverage, warnings }) {
  const parts = [coverage.complete ? tag("complete", "good") : tag("incomplete", "warn")];
  for (const source of coverage.sources) {
    const age = typeof source.age_s === "number" ? `, last heard ${Math.round(source.age_s)} s ago` : "";
    const reason = source.reason ? ` (${source.reason})` : "";
    parts.push(h("span", null, `${source.name}: ${source.state.replace("_", " ")}${reason}${age}`));
  }
  for (const gap of coverage.gaps) {
    const count = gap.count ? `${gap.count} missing, ` : "";
    parts.push(tag(`gap ${gap.from ?? "…"} to ${gap.to ?? "…"}: ${count}${gap.reason}`, "warn"));
  }
  parts.push(...warnings.map((warning) => tag(warning, "warn")));
  $("coverage").replaceChildren(...parts);
}

function renderList(view, items) {
  if (!items.length) return renderEmpty();
  const head = h("tr", null, view.columns.map(([label]) => h("th", { scope: "col" }, label)));
  const table = h("table", null, h("thead", null, head), h("tbody", null));
  $("list").replaceChildren(h("div", { class: "scroll" }, table));
  append(view, items);
}

function append(view, items) {
  $("list").querySelector("tbody")?.append(...items.map((item) => row(view, item)));
}

function row(view, item) {
  const name = view.name(item);
  const open = () => showDetails(state.view, name, item);
  const cells = view.columns.map(([label, content, kind], index) => {
    const shown = [content(item)].flat().filter((part) => part !== null && part !== undefined);
    const none = !shown.some((part) => part instanceof Node || String(part) !== "");
    // The first cell is the row's button, for keyboards and screen readers.
    const inside = index === 0
      ? [h("button", { class: "link", type: "button", "aria-label": `Details of ${name}` }, ...(none ? [name] : shown))]
      : shown;
    return h("td", { class: [kind, none && index ? "none" : null].filter(Boolean).join(" ") || null, "data-label": label }, h("div", null, ...inside));
  });
  return h("tr", { class: "open", onclick: open, "data-key": view.key(item) }, cells);
}

function renderMore(cursor) {
  if (!cursor) return $("more").replaceChildren();
  $("more").replaceChildren(h("button", { type: "button", onclick: () => load(cursor) }, "Show more"));
}

function renderEmpty() {
  const filtered = Object.keys(state.filters).length > 0;
  const { empty } = VIEWS[state.view];
  const example = [
    `curl -sS ${location.origin}/v1/events \\`,
    `  -H "Authorization: Bearer $PTS_TOKEN" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d '{"type":"deployment.succeeded","source":"my-laptop","data":{`,
    `       "service":"payments","environment":"production",`,
    `       "deployment_id":"d-1","version":"1.0.0"}}'`,
  ].join("\n");
  const parts = filtered
    ? [h("strong", null, "Nothing fits these filters."),
       h("button", { type: "button", onclick: () => go({}) }, "Clear the filters")]
    : empty ? [h("strong", null, empty)] : [h("strong", null, "Nothing here yet."), h("p", { class: "quiet" }, "Send a first event:"), h("pre", { tabindex: "0" }, example)];
  $("list").replaceChildren(h("div", { class: "empty" }, parts));
}

// The live tail

function renderLive(text = "") {
  const { live } = VIEWS[state.view];
  if (!live) return $("live").replaceChildren();
  const on = state.stopLive !== null;
  const toggle = h("button", { type: "button", "aria-pressed": String(on), onclick: on ? stopLive : startLive },
    h("span", { class: "dot" }), "Live");
  $("live").replaceChildren(h("span", { role: "status" }, text), toggle);
  return undefined;
}

function startLive() {
  const view = VIEWS[state.view];
  const { since: _, ...filters } = state.filters;
  state.stopLive = follow(view.live, filters, {
    onItem: (item) => prepend(view, item),
    onState: (text) => {
      if (text === "ended") state.stopLive = null;
      renderLive(text === "live" ? "" : text);
    },
    onProblem: (problem) => $("notice").replaceChildren(showProblem(problem)),
  });
  renderLive("connecting");
}

function stopLive() {
  state.stopLive?.();
  state.stopLive = null;
  renderLive();
}

function prepend(view, item) {
  if (!$("list").querySelector("tbody")) renderList(view, [item]);
  const body = $("list").querySelector("tbody");
  // It may be there already: loaded between the opening of the stream and now.
  const known = [...body.rows].some((existing) => existing.dataset.key === view.key(item));
  if (known) return;
  const fresh = row(view, item);
  fresh.classList.add("fresh");
  body.prepend(fresh);
  while (body.rows.length > MOST_ROWS) body.lastElementChild.remove();
}

$("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  apply();
});
window.addEventListener("hashchange", show);
// Something was done in the drawer that changes the list.
window.addEventListener("pts:changed", () => load());
show();
