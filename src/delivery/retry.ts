import { FatalError, RetryAfter } from "../errors.ts";
import { checkWhole } from "../events/whole.ts";

/** @see "Full jitter": Brooker, Exponential Backoff and Jitter, 2015. */
export interface RetryPolicy {
  /** Tries in all, the first included. */
  readonly attempts?: number;
  readonly baseMs?: number;
  readonly capMs?: number;
}

/** Where nothing else is said. */
export const POLICY: Required<RetryPolicy> = { attempts: 20, baseMs: 1_000, capMs: 900_000 };

/**
 * How long to wait before the next try after what was thrown, or `undefined` when there is none: FatalError ends the tries, RetryAfter says when the next is, else the
 * policy does.
 *
 * @param attempt tries already made, from 1.
 * @param random in [0, 1); injected so that a test can fix it.
 */
export function delayAfter(thrown: unknown, attempt: number, policy: Required<RetryPolicy>, random: () => number): number | undefined {
  if (thrown instanceof FatalError) return undefined;
  // Whatever is no length of time (a header that could not be read) leaves it to the policy.
  if (thrown instanceof RetryAfter && thrown.ms >= 0 && thrown.ms < Number.POSITIVE_INFINITY)
    return attempt < policy.attempts ? thrown.ms : undefined;
  return retryDelay(attempt, policy, random);
}

/**
 * How long to wait before the next try, or `undefined` when the tries are spent.
 *
 * @returns milliseconds, uniform in [0, min(capMs, baseMs · 2^(attempt − 1))).
 * @see "Full jitter": Brooker, Exponential Backoff and Jitter, 2015.
 */
function retryDelay(attempt: number, policy: Required<RetryPolicy>, random: () => number): number | undefined {
  if (attempt >= policy.attempts) return undefined;
  return Math.floor(random() * Math.min(policy.capMs, policy.baseMs * 2 ** (attempt - 1)));
}

/** @throws OPTION_INVALID */
export function checkPolicy(policy: RetryPolicy | undefined): void {
  checkWhole("retry.attempts", policy?.attempts, 1);
  checkWhole("retry.baseMs", policy?.baseMs, 0);
  checkWhole("retry.capMs", policy?.capMs, 0);
}
