import { get, Problem, post } from "./api.js";
import { clock, duration, element, fill, redraw, say, shorten } from "./dom.js";
import { apply, hasEnded } from "./runs.js";
import { newTimeline } from "./timeline.js";

const PAGE = 500;

/** The run that is looked at: where it is, what came out, and its timeline. */
export function runPanel(parent) {
  let open;

  async function show(runId) {
    if (open?.runId === runId) return;
    const mine = { runId, isLive: false, hasMore: false, seen: 0, view: undefined };
    open = mine;
    fill(parent, element("p", { className: "quiet" }, "Reading…"));
    try {
      mine.run = await get(`runs/${encodeURIComponent(runId)}`);
      mine.timeline = newTimeline(mine.run);
      await readEvents(mine);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (open === mine) {
        open = undefined;
        fill(parent, element("p", { className: "fault", role: "alert" }, error.message));
      }
    }
  }

  /** From the first one on, until what comes next comes live. */
  async function readEvents(mine) {
    let cursor = "earliest";
    do {
      mine.hasMore = false;
      const page = await pageAfter(cursor, mine);
      if (open !== mine) return;
      cursor = page.cursor;
      mine.hasMore ||= page.hasMore;
      for (const event of page.events) {
        mine.timeline.add(event);
        mine.run = apply(mine.run, event);
        mine.seen = event.sequence;
      }
      mine.view ??= newView(parent, mine);
      redraw(draw);
    } while (mine.hasMore);
    mine.isLive = true;
  }

  async function pageAfter(after, mine) {
    try {
      return await get(`runs/${encodeURIComponent(mine.runId)}/events`, { after, limit: PAGE });
    } catch (error) {
      if (!(error instanceof Problem) || error.body.code !== "FORBIDDEN") throw error;
      mine.refused = error.message;
      return { events: [], hasMore: false };
    }
  }

  function take(event) {
    if (open === undefined || event.runId !== open.runId) return;
    // It is in the log, so it is read from there.
    if (!open.isLive) {
      open.hasMore = true;
      return;
    }
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

  /** Reads where the run is, for whoever may not follow its events. */
  async function glance() {
    const mine = open;
    if (mine?.refused === undefined || mine.view === undefined || hasEnded(mine.run)) return;
    mine.run = await get(`runs/${encodeURIComponent(mine.runId)}`);
    redraw(draw);
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
  return { show, take, glance, close, reload };
}

function newView(parent, { run, runId, timeline, refused }) {
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
    refused === undefined
      ? timeline.node
      : element("div", {}, element("h4", {}, "Timeline"), element("p", { className: "fault" }, refused)),
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
      now.percentage === undefined
        ? now.status
        : `${Math.round(now.percentage)} %${now.step === undefined ? "" : ` · ${shorten(now.step, 200)}`}`,
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
    return [element("p", { className: "fault" }, where + shorten(error.message, 2_000), error.code ? ` (${error.code})` : ""), more];
  }
  if (status === "completed" && result !== undefined)
    return [element("h4", {}, "Result"), element("pre", { tabIndex: 0 }, JSON.stringify(result, undefined, 2))];
  return status === "cancelled" ? [element("p", {}, reason ? `Cancelled: ${shorten(reason, 2_000)}` : "Cancelled.")] : [];
}
