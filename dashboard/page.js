import { get, listen, Problem } from "./api.js";
import { forget, hasCredential } from "./credential.js";
import { element, fill, say } from "./dom.js";
import { eventList } from "./events.js";
import { follow } from "./live.js";
import { notifications } from "./notifications.js";
import { runPanel } from "./run.js";
import { runList } from "./runs.js";
import { sessionList } from "./sessions.js";
import { signIn } from "./sign-in.js";
import { dropTicket } from "./ticket.js";
import { workflowList } from "./workflows.js";

/** How often what may be read is read again, for whoever may follow no events. */
const REREAD_MS = 5_000;

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
const entrance = signIn(at("sign-in"));

/** Ends what keeps the page up to date. */
let leave = () => {};
let starting;
/** What became of the last credential. */
let refusal = "";

/** Reads all lists, then follows the log from the place that the first one is true for. What a later list holds already is told apart by its sequence. */
async function start() {
  leave();
  const place = await readable(get("sessions", { limit: 20 }), sessions);
  await readable(get("runs", { limit: 20 }), runs);
  await Promise.all([workflows.load(), events.load()]);
  leave = place.refused === undefined ? follow(place.cursor, { event, state: show, loss }) : reread(place.refused);
}

/** @returns the answer, which the list then shows; or why this caller may not have it, which is shown in its place. */
async function readable(asked, list) {
  try {
    const answer = await asked;
    list.show(answer);
    return answer;
  } catch (error) {
    if (!(error instanceof Problem) || error.body.code !== "FORBIDDEN") throw error;
    list.refuse(error.message);
    return { refused: error.message };
  }
}

function event(recorded) {
  for (const reader of readers) reader.take(recorded);
}

function loss(why) {
  notice(`Events may be missing: ${why}. This page was read again.`);
  void begin().then(() => events.mark(`events may be missing: ${why}`));
  void run.reload();
}

/** @param {string} why events cannot be followed. */
function reread(why) {
  show("still", `not live. ${why}`);
  const timer = setInterval(() => {
    // What fails now is read the next time.
    readable(get("runs", { limit: 20 }), runs).catch(() => {});
    run.glance().catch(() => {});
  }, REREAD_MS);
  return () => clearInterval(timer);
}

/** Starts until it is done, once at a time. */
function begin() {
  starting ??= startUntilDone().finally(() => {
    starting = undefined;
  });
  return starting;
}

async function startUntilDone() {
  for (let waitMs = 1_000; ; waitMs = Math.min(30_000, waitMs * 2)) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 401) await ask();
      else {
        show("lost", `${error.message} Trying again`);
        await new Promise((resolve) => setTimeout(resolve, error.body.retryAfterMs ?? waitMs));
      }
    }
  }
}

/** Shows nothing but the form, until somebody has signed in. */
async function ask() {
  show("still", "not signed in");
  at("main").hidden = at("notifications").hidden = true;
  at("notice").hidden = at("sign-out").hidden = true;
  for (const reader of [notices, events, runs, sessions]) reader.clear();
  run.close();
  await entrance.ask(refusal);
  refusal = "";
  at("main").hidden = at("notifications").hidden = false;
  signedIn();
  show("connecting", "connecting");
  route();
}

function signedIn() {
  at("sign-out").hidden = !hasCredential();
}

at("sign-out").addEventListener("click", () => void signOut());

async function signOut() {
  leave();
  at("main").hidden = at("notifications").hidden = true;
  // While the page may still say so. If the server is away, the ticket ends by itself.
  await dropTicket().catch(() => {});
  forget();
  // Whatever was shown goes, also for whoever comes back here.
  fill(document.body);
  location.replace(location.pathname);
}

let since = "connecting";
let calm;
function show(state, text) {
  clearTimeout(calm);
  say(at("state"), text);
  at("state").dataset.state = state;
  if (state === "lost" && (since === "live" || since === "back")) events.mark("connection lost");
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

listen({
  refused: (problem, hadCredential) => {
    if (hadCredential) refusal = `You were signed out. ${problem.message}`;
    leave();
    void begin();
  },
  waiting: (ms) => say(at("waiting"), ms > 0 ? `The server asks to wait ${ms < 1_000 ? "a moment" : `${Math.ceil(ms / 1_000)} s`}.` : ""),
});
addEventListener("hashchange", route);
signedIn();
route();
void begin();
