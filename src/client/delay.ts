const RECONNECT_CAP_MS = 15_000;
/** The longest that a timer can be set to; it takes a longer one for none at all. */
const LONGEST_MS = 2 ** 31 - 1;

/** Resolves after `ms`, or at once when the signal aborts. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(ms, LONGEST_MS));
    signal?.addEventListener("abort", done);
  });
}

/**
 * How long to wait before connecting again.
 *
 * @param failures connections that failed since the last good one, from 0.
 * @param retryMs what the server said last.
 * @returns milliseconds, uniform in [0, min(cap, retryMs · 2^failures)).
 * @see "Full jitter": Brooker, Exponential Backoff and Jitter, 2015.
 */
export function reconnectDelay(failures: number, retryMs: number, random: () => number): number {
  return random() * Math.min(RECONNECT_CAP_MS, retryMs * 2 ** failures);
}
