import type { Filter } from "../events/filter.ts";
import type { Feed } from "./feed.ts";

/**
 * Waits, having read everything, until something matches.
 *
 * @param heard is told the position to go on from, in the turn in which the feed advances; when the signal aborts it is told that of the end: nothing matched up to there.
 * @throws the signal's reason, as a rejection.
 */
export function matching(feed: Feed, filter: Filter, signal: AbortSignal, heard: (position: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const unwatch = feed.watch(filter, (position) => {
      unwatch();
      signal.removeEventListener("abort", aborted);
      heard(position);
      resolve();
    });
    const aborted = (): void => {
      unwatch();
      heard(feed.end);
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", aborted, { once: true });
  });
}
