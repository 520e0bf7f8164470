/** What is counted, and what that says. */
export const COUNTERS = {
  connections_refused: "Connections beyond limits.connections, closed without an answer.",
  consumer_events_lost: "Events that retention forgot before a consumer got to them.",
  consumers_stopped: "Times that a consumer stopped by itself.",
  dead_letters: "Events that a consumer gave up.",
  delivery_failures: "Tries of consumers that failed.",
  denials_untold: "Refusals of which no access.denied could be recorded.",
  events_forgotten: "Events that retention forgot.",
  feed_errors: "Times that the log could not be followed, and it was tried again.",
  handler_failures: "Calls of handlers that failed, or took too long.",
  handlers_behind: "Times that a handler could not read the log.",
  posts_failed: "Posts to webhooks of agents that failed.",
  posts_given_up: "Messages to webhooks of agents that were given up.",
  retention_failures: "Times that nothing could be forgotten, and it was tried again.",
  schedule_failures: "Firings of schedules that could not begin a run.",
  schedules_late: "Firings that were missed, and are not made up for.",
  schedules_skipped: "Firings at which the run before had not ended.",
  slow_readers: "Readers that took nothing for too long, and were let go.",
  streams_refused: "Streams and WebSockets beyond a bound.",
} as const;

/** What is counted by the code of an error. */
export const COUNTED_BY_CODE = {
  problems: "Errors that were answered.",
  denied: "Refusals of access.",
} as const;

export type CounterName = keyof typeof COUNTERS | `${keyof typeof COUNTED_BY_CODE}_${string}`;

/** Numbers that only grow, by name: what `GET /health` and `GET /metrics` show. */
export class Counters {
  readonly #counts = new Map<string, number>();

  add(name: CounterName, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  all(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
