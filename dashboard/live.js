import { address, Problem, tryStream } from "./api.js";
import { openStream } from "./ticket.js";

/** The server sends at least a checkpoint every 15 s. */
const SILENCE_MS = 45_000;
/** A stream is opened anew so long before its ticket ends; whatever the clocks say, at least and at most so often. */
const BEFORE_END_MS = 60_000;
const RENEWAL_MS = [30_000, 9 * 60_000];
const WHY = new Map([
  ["expired", "the log no longer holds the events that came next"],
  ["unknown", "this is another log, or an older copy of it"],
  ["ahead", "the log ends before the place where this page was"],
  ["invalid", "the server did not understand the place where this page was"],
]);

/**
 * Follows the log from a place on: through lost connections, restarts of the server, and the ends of tickets.
 *
 * @param {string} from the cursor of what has been read.
 * @param {{event(event: object): void, state(state: "connecting" | "live" | "lost" | "back", text: string): void, loss(why: string): void}} to
 *   `loss`: the place is gone, nothing more is delivered; read everything again.
 * @returns a function that ends it.
 */
export function follow(from, to) {
  let cursor = from;
  let source;
  let state = "connecting";
  let waitMs = 1_000;
  // Whatever was begun before the latest turn is of no more concern.
  let turn = 0;
  let watchdog;
  let retry;
  let renewal;

  async function open() {
    const mine = turn;
    const url = address("events/stream", { broadcast: "include", after: cursor });
    try {
      const expiresAt = await openStream(url, (opened) => (mine === turn ? attach(opened) : opened.close()));
      if (mine !== turn || expiresAt === undefined) return;
      const [least, most] = RENEWAL_MS;
      renewal = setTimeout(renew, Math.min(most, Math.max(least, expiresAt - Date.now() - BEFORE_END_MS)));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (mine === turn) lost(error);
    }
  }

  function attach(opened) {
    source = opened;
    const on = (name, heard) =>
      opened.addEventListener(name, (frame) => {
        if (opened === source) heard(frame);
      });
    on("resume", (frame) => {
      alive(frame);
      const { recovered, reason } = JSON.parse(frame.data);
      if (recovered) return;
      pause();
      to.loss(WHY.get(reason) ?? reason);
    });
    on("message", (frame) => {
      alive(frame);
      to.event(JSON.parse(frame.data));
    });
    on("checkpoint", (frame) => {
      alive(frame);
      if (JSON.parse(frame.data).hasMore) return;
      waitMs = 1_000;
      if (state === "lost") tell("back", "back, nothing missed");
      else if (state === "connecting") tell("live", "live");
    });
    on("problem", (frame) => {
      const { code, title, retryAfterMs } = JSON.parse(frame.data);
      // The ticket has ended, or what it was given for: the next one tells.
      if (code === "UNAUTHENTICATED") return renew();
      tell("lost", `${title ?? "The stream ended."} Trying again`);
      again(retryAfterMs);
    });
    on("error", () => {
      if (opened.readyState === EventSource.CLOSED) return void refused(opened.url);
      if (state !== "lost") tell("lost", "connection lost, trying again");
      again();
    });
    alive({ lastEventId: "" });
  }

  /** Says why, and begins anew when the server has room for this reader. */
  async function refused(url) {
    pause();
    const mine = turn;
    try {
      await tryStream(url);
      if (mine === turn) again();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (mine === turn) lost(error);
    }
  }

  function alive(frame) {
    if (frame.lastEventId !== "") cursor = frame.lastEventId;
    clearTimeout(watchdog);
    watchdog = setTimeout(() => {
      tell("lost", "connection lost, trying again");
      again();
    }, SILENCE_MS);
  }

  function lost({ status, message }) {
    // Whoever follows is told that nobody knows this page: there is nothing to try.
    if (status === 401) return pause();
    tell("lost", status === 0 ? "connection lost, trying again" : `${message} Trying again`);
    again();
  }

  /** At its cursor, with a ticket of its own: what comes meanwhile comes then. */
  function renew() {
    pause();
    void open();
  }

  function again(afterMs = waitMs * (0.5 + Math.random() / 2)) {
    pause();
    retry = setTimeout(open, afterMs);
    waitMs = Math.min(30_000, waitMs * 2);
  }

  function pause() {
    turn += 1;
    source?.close();
    source = undefined;
    clearTimeout(watchdog);
    clearTimeout(retry);
    clearTimeout(renewal);
  }

  function tell(next, text) {
    state = next;
    to.state(next, text);
  }

  tell("connecting", "connecting");
  void open();
  return pause;
}
