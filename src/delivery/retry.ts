/** @see "Full jitter": Brooker, Exponential Backoff and Jitter, 2015. */
export interface RetryPolicy {
  /** Tries in all, the first included. */
  readonly attempts?: number;
  readonly baseMs?: number;
  readonly capMs?: number;
}

/**
 * How long to wait before the next try, or `undefined` when the tries are spent.
 *
 * @param attempt tries already made, from 1.
 * @param random in [0, 1); injected so that a test can fix it.
 * @returns milliseconds, uniform in [0, min(capMs, baseMs · 2^(attempt − 1))).
 * @see "Full jitter": Brooker, Exponential Backoff and Jitter, 2015.
 */
export function retryDelay(attempt: number, policy: Required<RetryPolicy>, random: () => number): number | undefined {
  if (attempt >= policy.attempts) return undefined;
  return Math.floor(random() * Math.min(policy.capMs, policy.baseMs * 2 ** (attempt - 1)));
}
