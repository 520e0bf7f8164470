import { get, Problem } from "./api.js";
import { clock, element, fill, inline, redraw, say } from "./dom.js";

/** Events that are kept and shown; the oldest go first. */
const LIMIT = 200;
const PATTERN = /^(\*|[A-Za-z0-9_.-]{1,128}|[A-Za-z0-9_.-]{1,127}\.\*)$/;

/** Whether an event is one that the server's filter `type=…&broadcast=include` lets through. */
export function matches(event, patterns) {
  if (patterns.length === 0 || event.broadcast) return true;
  return patterns.some(
    (pattern) => pattern === "*" || pattern === event.type || (pattern.endsWith(".*") && event.type.startsWith(pattern.slice(0, -1))),
  );
}

/** The newest events, newest on top: read once for each filter, then followed. */
export function eventList({ list, input, form, note, pause }) {
  let patterns = [];
  let newest = 0;
  // While a list is being read, what the stream brings waits for it.
  let early;
  let held = [];
  let paused = false;
  let reading = 0;
  let typing;

  async function load() {
    const mine = ++reading;
    early = [];
    try {
      const page = await get("events", { type: patterns.join(","), broadcast: patterns.length > 0 ? "include" : undefined, limit: 100 });
      if (mine !== reading) return;
      const waited = early;
      early = undefined;
      clear();
      for (const event of [...page.events, ...waited]) hold(event);
      if (!input.hasAttribute("aria-invalid")) say(note, patterns.length === 0 ? "" : "and every broadcast");
      draw();
    } catch (error) {
      if (mine !== reading) return;
      early = undefined;
      if (!(error instanceof Problem)) throw error;
      if (error.body.code !== "FORBIDDEN") return say(note, error.message);
      held = [];
      fill(list, element("li", { className: "fault" }, error.message));
    }
  }

  function take(event) {
    if (!matches(event, patterns)) return;
    if (early !== undefined) {
      early.push(event);
      if (early.length > LIMIT) early.shift();
      return;
    }
    hold(event);
    redraw(draw);
  }

  function hold(event) {
    // In the list already: the stream began before the list was read.
    if (event.sequence <= newest) return;
    newest = event.sequence;
    push(event);
  }

  /** A line between events, about the connection. */
  function mark(text) {
    push({ mark: text, timestamp: Date.now() });
    redraw(draw);
  }

  function clear() {
    newest = 0;
    held = [];
    fill(list);
  }

  function push(entry) {
    held.push(entry);
    if (held.length > LIMIT) held.shift();
  }

  function draw() {
    say(pause, paused ? `Resume${held.length > 0 ? ` (${held.length === LIMIT ? `${LIMIT} or more` : held.length} new)` : ""}` : "Pause");
    if (paused) return;
    for (const entry of held.splice(0))
      list.prepend(
        entry.mark === undefined ? row(entry) : element("li", { className: "mark" }, `${clock(entry.timestamp)} · ${entry.mark}`),
      );
    while (list.childElementCount > LIMIT) list.lastElementChild.remove();
  }

  function filter() {
    clearTimeout(typing);
    const wanted = input.value
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean);
    const wrong = wanted.find((pattern) => !PATTERN.test(pattern));
    if (wrong !== undefined) {
      input.setAttribute("aria-invalid", "true");
      return say(note, `"${wrong}" is neither a type, nor a beginning such as workflow.*, nor *`);
    }
    if (wanted.join() === patterns.join() && !input.hasAttribute("aria-invalid")) return;
    input.removeAttribute("aria-invalid");
    patterns = wanted;
    void load();
  }

  form.addEventListener("submit", (submit) => {
    submit.preventDefault();
    filter();
  });
  input.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(filter, 300);
  });
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    draw();
  });
  return { load, take, mark, clear };
}

function row(event) {
  const summary = element(
    "summary",
    {},
    element("time", { dateTime: new Date(event.timestamp).toISOString() }, clock(event.timestamp)),
    element("span", { className: "type" }, event.type),
    event.broadcast ? element("span", { className: "badge" }, "broadcast") : undefined,
    element("span", { className: "data" }, tell(event)),
  );
  const details = element("details", {}, summary);
  // Most are never opened.
  details.addEventListener("toggle", () => details.append(element("pre", { tabIndex: 0 }, JSON.stringify(event, undefined, 2))), {
    once: true,
  });
  return element("li", { "data-sequence": event.sequence }, details);
}

function tell({ type, workflowName, data }) {
  switch (type) {
    case "workflow.progress":
      return `${Math.round(data.percentage)} %${data.step === undefined ? "" : ` ${data.step}`}`;
    case "workflow.completed":
      return `${workflowName} ${inline(data.result)}`;
    case "workflow.failed":
      return `${workflowName} ${data.error.message}`;
    case "workflow.registered":
      return `${workflowName} ${data.description ?? ""}`;
    case "workflow.queued":
    case "workflow.started":
      return `${workflowName} ${inline(data.inputs)}`;
    case "workflow.cancelled":
    case "workflow.resumed":
    case "workflow.unregistered":
      return workflowName;
    default:
      return inline(data);
  }
}
