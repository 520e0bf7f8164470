import { get, Problem, post } from "./api.js";
import { clock, duration, element, fill, redraw, say } from "./dom.js";
import { apply, hasEnded } from "./runs.js";
import { newTimeline } from "./timeline.js";

const PAGE = 500;

/** The run that is looked at: where it is, what came out, and its timeline. */
export function runPanel(parent) {
  let open;

  async function show(runId) {
    if (open?.runId === runId) return;
    const mine = { runId, early: [], seen: 0, view: undefined };
    open = mine;
    fill(parent, element("p", { className: "quiet" }, "Reading…"));
    try {
      let run = await get(`runs/${encodeURIComponent(runId)}`);
      const timeline = newTimeline(run);
      let page = { cursor: "earliest", hasMore: true };
      while (page.hasMore && open === mine) {
        page = await get(`runs/${encodeURIComponent(runId)}/events`, { after: page.cursor, limit: PAGE });
        for (const event of page.events) {
          timeline.add(event);
          run = apply(run, event);
          mine.seen = event.sequence;
        }
      }
      if (open !== mine) return;
      mine.run = run;
      mine.timeline = timeline;
      mine.view = newView(parent, mine);
      for (const event of mine.early.splice(0)) take(event);
      redraw(draw);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (open === mine) {
        open = undefined;
        fill(parent, element("p", { className: "fault", role: "alert" }, error.message));
      }
    }
  }

  function take(event) {
    if (open === undefined || event.runId !== open.runId) return;
    if (open.view === undefined) return void open.early.push(event);
    // Read already: the stream began before the list was read.
    if (event.sequence <= open.seen) return;
    open.seen = event.sequence;
    open.run = apply(open.run, event);
    open.timeline.add(event);
    redraw(draw);
  }

  function draw() {
    open?.view?.update(open.run);
  }

  function close() {
    open = undefined;
    fill(parent, element("p", { className: "quiet" }, "Run a workflow, or open a recent run."));
  }

  /** Reads it again. */
  function reload() {
    const runId = open?.runId;
    open = undefined;
    return runId === undefined ? undefined : show(runId);
  }

  close();
  return { show, take, close, reload };
}

function newView(parent, { run, runId, timeline }) {
  const status = element("span", { className: "badge", role: "status" });
  const facts = element("p", { className: "quiet facts" });
  const bar = element("progress", { max: 100, ariaLabel: "Progress" });
  const step = element("p", { className: "quiet" });
  const outcome = element("div", { className: "outcome" });
  const message = element("p", { className: "fault", role: "alert" });
  const cancel = element("button", { type: "button", ariaLabel: `Cancel this run of ${run.workflowName}` }, "Cancel");
  cancel.addEventListener("click", () => {
    cancel.disabled = true;
    post(`runs/${encodeURIComponent(runId)}/cancel`, {}, {})
      .catch((error) => say(message, error.message))
      .finally(() => {
        cancel.disabled = false;
      });
  });
  fill(
    parent,
    element("div", { className: "title" }, element("h3", {}, run.workflowName), status, cancel),
    facts,
    bar,
    step,
    message,
    outcome,
    element(
      "details",
      {},
      element("summary", {}, "Inputs"),
      element("pre", { tabIndex: 0 }, JSON.stringify(run.inputs ?? {}, undefined, 2)),
    ),
    timeline.node,
  );

  let told;
  function update(now) {
    status.dataset.status = now.status;
    say(status, now.status);
    const length = now.durationMs === undefined ? "" : ` · took ${duration(now.durationMs)}`;
    const taken = now.attempt > 1 ? ` · taken up ${now.attempt} times` : "";
    say(facts, `run ${runId} · ${now.channel} · ${clock(now.startedAt)}${length}${taken}`);
    const ended = hasEnded(now);
    bar.hidden = step.hidden = ended;
    cancel.hidden = ended;
    if (now.percentage === undefined) bar.removeAttribute("value");
    else bar.value = now.percentage;
    say(
      step,
      now.percentage === undefined ? now.status : `${Math.round(now.percentage)} %${now.step === undefined ? "" : ` · ${now.step}`}`,
    );
    if (ended && told !== now.status) {
      told = now.status;
      fill(outcome, ...outcomeOf(now));
    }
    timeline.draw();
  }
  return { update };
}

function outcomeOf({ status, result, error, reason }) {
  if (status === "failed" && error) {
    const where = error.step === undefined ? "" : `In step ${error.step}: `;
    const more =
      error.stack === undefined
        ? undefined
        : element("details", {}, element("summary", {}, "Stack"), element("pre", { tabIndex: 0 }, error.stack));
    return [element("p", { className: "fault" }, `${where}${error.message}`, error.code ? ` (${error.code})` : ""), more];
  }
  if (status === "completed" && result !== undefined)
    return [element("h4", {}, "Result"), element("pre", { tabIndex: 0 }, JSON.stringify(result, undefined, 2))];
  return status === "cancelled" ? [element("p", {}, reason ? `Cancelled: ${reason}` : "Cancelled.")] : [];
}
