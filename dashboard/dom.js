// Everything on the page is made here, and all text goes through `plain`: what others put into events is only ever text.

/**
 * Makes an element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | undefined>} properties of the element, or attributes where it has no such property.
 * @param {...(Node | string | number | undefined | false)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name in made) made[name] = value;
    else made.setAttribute(name, String(value));
  }
  made.append(...nodes(children));
  return made;
}

/** Puts other children into an element. */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

/** Sets an element's text, if it has changed: an unchanged live region stays silent. */
export function say(parent, text) {
  const shown = plain(text);
  if (parent.textContent !== shown) parent.textContent = shown;
}

function nodes(children) {
  return children
    .filter((child) => child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(plain(String(child)))));
}

/** Control and format characters are shown, not obeyed: one that turns text around could make it say something else. Joiners are needed by scripts and emoji. */
export function plain(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    if ("\n\t\u200c\u200d".includes(character)) return character;
    const hex = character.codePointAt(0).toString(16).padStart(4, "0");
    return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex}`;
  });
}

export function shorten(text, length) {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** Local time of day. */
export function clock(timestamp) {
  return new Date(timestamp).toTimeString().slice(0, 8);
}

export function duration(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The fields of a payload in one line: `line=412 reason="2 columns, not 3"`. */
export function inline(data) {
  if (data === undefined) return "";
  if (data === null || typeof data !== "object" || Array.isArray(data)) return shorten(JSON.stringify(data), 300);
  const fields = [];
  let length = 0;
  for (const [key, value] of Object.entries(data)) {
    const field = `${word(key)}=${word(value)}`;
    fields.push(field);
    length += field.length;
    if (length > 300) break;
  }
  return shorten(fields.join(" "), 300);
}

/** A plain word as it is, anything else as JSON: nothing passes for a field that it is not. */
function word(value) {
  return typeof value === "string" && /^[\w.:/-]{1,120}$/.test(value) ? value : shorten(JSON.stringify(value), 120);
}

const due = new Set();

/** Calls `draw` once before the next frame, however often it was asked for. A hidden page draws nothing. */
export function redraw(draw) {
  if (due.size === 0)
    requestAnimationFrame(() => {
      const now = [...due];
      due.clear();
      for (const one of now) one();
    });
  due.add(draw);
}
