// Builds elements. Text only ever goes in as text: nothing here, or anywhere else on the page,
// reads data as HTML.

/**
 * An element. Attributes of null or false are left out; those named `on…` are listeners.
 * Children of null are left out; everything else that is no node becomes text.
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A word in a coloured box. */
export function tag(text, mood) {
  return h("span", { class: mood ? `tag ${mood}` : "tag" }, text);
}

const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const pad = (number) => String(number).padStart(2, "0");

/** A moment in the reader's own time zone; the exact one is in its tooltip. */
export function moment(text) {
  if (!text) return null;
  const date = new Date(text);
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return h("time", { datetime: text, title: `${full.format(date)}\n${text}` }, `${day} ${time}`);
}

/** How long ago, roughly. */
export function ago(text) {
  if (!text) return "";
  const seconds = Math.round((Date.now() - new Date(text)) / 1000);
  if (seconds < 0) return "in the future";
  return `${duration(seconds)} ago`;
}

/** A length of time, roughly. */
export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/** A value as JSON that a person can read. */
export function json(value) {
  return h("pre", { tabindex: "0" }, JSON.stringify(value, null, 2));
}

/** Names and values; those without a value are left out. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", null, shown.flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}
