import { address } from "./api.js";

/** The server sends at least a checkpoint every 15 s. */
const SILENCE_MS = 45_000;
const WHY = {
  expired: "the log no longer holds the events that came next",
  unknown: "this is another log, or an older copy of it",
  ahead: "the log ends before the place where this page was",
  invalid: "the server did not understand the place where this page was",
};

/**
 * Follows the log from a place on, through lost connections and restarts of the server. An EventSource reconnects by itself and says
 * where it was; one that has given up is replaced.
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
  let watchdog;
  let retry;

  function open() {
    source = new EventSource(address("events/stream", { broadcast: "include", after: cursor }));
    source.addEventListener("resume", (frame) => {
      alive(frame);
      const { recovered, reason } = JSON.parse(frame.data);
      if (recovered) return;
      end();
      to.loss(WHY[reason] ?? reason);
    });
    source.addEventListener("message", (frame) => {
      alive(frame);
      to.event(JSON.parse(frame.data));
    });
    source.addEventListener("checkpoint", (frame) => {
      alive(frame);
      if (JSON.parse(frame.data).hasMore) return;
      waitMs = 1_000;
      if (state === "lost") tell("back", "back, nothing missed");
      else if (state === "connecting") tell("live", "live");
    });
    source.addEventListener("problem", (frame) => tell("lost", `${JSON.parse(frame.data).title ?? "The stream ended."} Trying again`));
    source.addEventListener("error", () => {
      if (state !== "lost") tell("lost", "connection lost, trying again");
      if (source.readyState === EventSource.CLOSED) again();
    });
    alive({ lastEventId: "" });
  }

  function alive(frame) {
    if (frame.lastEventId !== "") cursor = frame.lastEventId;
    clearTimeout(watchdog);
    watchdog = setTimeout(() => {
      tell("lost", "connection lost, trying again");
      again();
    }, SILENCE_MS);
  }

  /** A new one: this one will not reconnect, or hangs. */
  function again() {
    source.close();
    clearTimeout(watchdog);
    clearTimeout(retry);
    retry = setTimeout(open, waitMs * (0.5 + Math.random() / 2));
    waitMs = Math.min(30_000, waitMs * 2);
  }

  function tell(next, text) {
    state = next;
    to.state(next, text);
  }

  function end() {
    source.close();
    clearTimeout(watchdog);
    clearTimeout(retry);
  }

  tell("connecting", "connecting");
  open();
  return end;
}
