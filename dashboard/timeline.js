import { clock, duration, element, inline, say, shorten } from "./dom.js";

/** Rows that are kept; the oldest go first. */
const LIMIT = 400;
/** Characters of what an error or event says; it is there in full where it is opened. */
const TEXT = 300;

/** What happened in a run, oldest first: one row a step, one for each other event. */
export function newTimeline(run) {
  const list = element("ol", { className: "timeline", tabIndex: 0, ariaLabel: "Timeline" });
  const dropped = element("p", { className: "quiet", hidden: true });
  // Under way; what has ended hears no more.
  const steps = new Map();
  const rows = [];
  let added = [];
  let gone = 0;
  const changed = new Set();

  function row(event, mark, name, text) {
    const made = { mark, name, text, at: event.timestamp - run.startedAt, node: undefined };
    rows.push(made);
    added.push(made);
    if (rows.length > LIMIT) {
      gone += rows.length - LIMIT;
      for (const old of rows.splice(0, rows.length - LIMIT)) {
        old.node?.remove();
        old.isGone = true;
        changed.delete(old);
      }
      added = added.slice(-LIMIT);
    }
    return made;
  }

  function add(event) {
    const { type, data } = event;
    if (type.startsWith("step.")) return step(event);
    switch (type) {
      case "workflow.progress":
        return;
      case "workflow.resumed":
        return row(event, "↻", "taken up again", "what was done is not done again");
      case "workflow.queued":
      case "workflow.started":
        return row(event, "·", type.slice(9), "");
      case "workflow.completed":
      case "workflow.failed":
      case "workflow.cancelled":
        for (const one of steps.values()) set(one, "✖", "ended with the run");
        return row(event, type === "workflow.completed" ? "✔" : "✖", type.slice(9), duration(data.durationMs));
      default:
        return row(event, event.broadcast ? "»" : "!", type, inline(data));
    }
  }

  function step(event) {
    const { type, data } = event;
    let one = steps.get(data.step);
    if (one === undefined) steps.set(data.step, (one = row(event, "…", data.step, "")));
    const tries = data.attempt > 1 ? `try ${data.attempt}` : "";
    if (type === "step.started") set(one, "…", data.until === undefined ? tries || "running" : `until ${clock(data.until)}`);
    if (type === "step.completed") set(one, "✔", [duration(data.durationMs), tries].filter(Boolean).join(" · "));
    if (type === "step.retrying") set(one, "↻", `try ${data.attempt} failed: ${data.error.message}; again in ${duration(data.delayMs)}`);
    if (type === "step.failed") set(one, "✖", data.error.message);
    if (type === "step.completed" || type === "step.failed") steps.delete(data.step);
  }

  function set(one, mark, text) {
    one.mark = mark;
    one.text = shorten(text, TEXT);
    // A page that is hidden draws nothing, for hours perhaps: what is gone must not pile up.
    if (!one.isGone) changed.add(one);
  }

  function draw() {
    // Whoever looks at the end keeps seeing the end.
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
    for (const one of added.splice(0)) {
      one.node = element(
        "li",
        {},
        element("span", { className: "at" }),
        element("span", { className: "mark" }),
        element("span", { className: "name" }, one.name),
        element("span", { className: "data" }),
      );
      list.append(one.node);
      changed.add(one);
    }
    for (const one of changed) {
      if (one.node === undefined) continue;
      const [at, mark, , text] = one.node.children;
      say(at, duration(Math.max(0, one.at)));
      say(mark, one.mark);
      say(text, one.text);
    }
    changed.clear();
    dropped.hidden = gone === 0;
    say(dropped, `${gone} earlier rows are not shown.`);
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  return { node: element("div", {}, element("h4", {}, "Timeline"), dropped, list), add, draw };
}
