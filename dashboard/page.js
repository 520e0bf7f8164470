import { get, Problem } from "./api.js";
import { element, fill, say } from "./dom.js";
import { eventList } from "./events.js";
import { follow } from "./live.js";
import { notifications } from "./notifications.js";
import { runPanel } from "./run.js";
import { runList } from "./runs.js";
import { sessionList } from "./sessions.js";
import { workflowList } from "./workflows.js";

const at = (id) => document.getElementById(id);
const run = runPanel(at("run"));
const runs = runList(at("runs"));
const events = eventList({ list: at("events"), form: at("filter"), input: at("types"), note: at("filter-note"), pause: at("pause") });
const workflows = workflowList(at("workflows"), (runId) => {
  location.hash = `#/runs/${runId}`;
  // On a narrow screen it is below the form.
  at("run").scrollIntoView({ block: "nearest" });
});
const sessions = sessionList({ list: at("sessions"), panel: at("session"), create: at("new-session"), note: at("sessions-note") });
const notices = notifications(at("notifications"));
const readers = [runs, run, events, workflows, sessions, notices];

/** Reads all lists, then follows the log from the place that the first one is true for. What a later list holds already is told apart by its sequence. */
async function start() {
  const first = await get("sessions", { limit: 20 });
  const page = await get("runs", { limit: 20 });
  await Promise.all([workflows.load(), events.load()]);
  sessions.show(first.sessions);
  runs.show(page.runs);
  follow(first.cursor, {
    event: (event) => {
      for (const reader of readers) reader.take(event);
    },
    state: show,
    loss: (why) => {
      notice(`Events may be missing: ${why}. This page was read again.`);
      void startUntilDone().then(() => events.mark(`events may be missing: ${why}`));
      void run.reload();
    },
  });
}

async function startUntilDone() {
  for (let waitMs = 1_000; ; waitMs = Math.min(30_000, waitMs * 2)) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      show("lost", `${error.message} Trying again`);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

let since = "connecting";
let calm;
function show(state, text) {
  clearTimeout(calm);
  say(at("state"), text);
  at("state").dataset.state = state;
  if (state === "lost" && since !== "lost" && since !== "connecting") events.mark("connection lost");
  if (state === "back") {
    events.mark("back, nothing missed");
    calm = setTimeout(() => show("live", "live"), 10_000);
  }
  since = state;
}

function notice(text) {
  const dismiss = element("button", { type: "button" }, "Dismiss");
  dismiss.addEventListener("click", () => {
    at("notice").hidden = true;
  });
  at("notice").hidden = false;
  fill(at("notice"), element("span", {}, text), dismiss);
}

function route() {
  const [, runId] = /^#\/runs\/(\w[\w.:-]*)$/.exec(location.hash) ?? [];
  if (runId === undefined) run.close();
  else void run.show(runId);
}

addEventListener("hashchange", route);
route();
void startUntilDone();
