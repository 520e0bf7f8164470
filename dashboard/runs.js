import { clock, duration, element, fill, redraw, say } from "./dom.js";

const LIMIT = 20;
const ENDED = new Set(["completed", "failed", "cancelled"]);

export function hasEnded(run) {
  return ENDED.has(run.status);
}

/** The run after one more of its events. An event that is already in changes nothing: a run that has ended stays so. */
export function apply(run, { type, data }) {
  if (hasEnded(run)) return run;
  switch (type) {
    case "workflow.started":
      return { ...run, status: "running" };
    case "workflow.resumed":
      return { ...run, status: "running", attempt: data.attempt };
    case "workflow.progress":
      return { ...run, percentage: data.percentage, step: data.step };
    case "step.started":
      return data.until === undefined && data.filter === undefined ? run : { ...run, status: "waiting" };
    case "step.completed":
      return run.status === "waiting" ? { ...run, status: "running" } : run;
    case "workflow.completed":
      return { ...run, status: "completed", result: data.result, durationMs: data.durationMs, percentage: undefined };
    case "workflow.failed":
      return { ...run, status: "failed", error: data.error, durationMs: data.durationMs };
    case "workflow.cancelled":
      return { ...run, status: "cancelled", reason: data.reason, durationMs: data.durationMs };
    default:
      return run;
  }
}

/** A run as its first event tells of it. */
function begun({ type, runId, workflowName, channel, timestamp, data }) {
  return {
    runId,
    workflowName,
    channel,
    startedAt: timestamp,
    inputs: data.inputs,
    attempt: 1,
    status: type === "workflow.queued" ? "queued" : "running",
  };
}

/** The newest runs: read once, then kept by their events. */
export function runList(parent) {
  let runs = new Map();
  const rows = new Map();
  /** Why this caller may not read them. */
  let refused;

  /** @param {{runs: object[]}} answer newest first. */
  function show(answer) {
    refused = undefined;
    runs = new Map(answer.runs.map((run) => [run.runId, run]).reverse());
    redraw(draw);
  }

  function refuse(why) {
    refused = why;
    runs.clear();
    redraw(draw);
  }

  function clear() {
    runs.clear();
    rows.clear();
    fill(parent);
  }

  function take(event) {
    if (event.runId === undefined || refused !== undefined) return;
    const run = runs.get(event.runId);
    if (run) runs.set(event.runId, apply(run, event));
    else if (event.type === "workflow.queued" || event.type === "workflow.started") runs.set(event.runId, begun(event));
    else return;
    if (runs.size > LIMIT) runs.delete(runs.keys().next().value);
    redraw(draw);
  }

  function draw() {
    for (const [runId, { node }] of rows) {
      if (runs.has(runId)) continue;
      node.remove();
      rows.delete(runId);
    }
    if (refused !== undefined) return fill(parent, element("li", { className: "fault" }, refused));
    if (runs.size === 0) return fill(parent, element("li", { className: "quiet" }, "No run yet."));
    if (rows.size === 0) fill(parent);
    let below = null;
    for (const run of runs.values()) {
      if (!rows.has(run.runId)) rows.set(run.runId, newRow(run));
      const row = rows.get(run.runId);
      // Only where it is not in its place: whoever is on it stays there.
      if (row.node.parentNode !== parent || row.node.nextElementSibling !== below) parent.insertBefore(row.node, below);
      row.update(run);
      below = row.node;
    }
  }

  return { show, refuse, take, clear };
}

function newRow(run) {
  const status = element("span", { className: "badge" });
  const when = element("span", { className: "quiet" });
  const link = element("a", { href: `#/runs/${run.runId}` }, element("span", { className: "name" }, run.workflowName), status, when);
  const update = (now) => {
    status.dataset.status = now.status;
    say(status, now.status);
    const length =
      now.durationMs !== undefined
        ? ` · ${duration(now.durationMs)}`
        : now.percentage !== undefined
          ? ` · ${Math.round(now.percentage)} %`
          : "";
    say(when, `${clock(now.startedAt)} · ${now.channel}${length}`);
  };
  return { node: element("li", {}, link), update };
}
