import { NexusError } from "../errors.ts";
import type { Clock } from "./clock.ts";

const LONGEST_MS = 5_000;

/**
 * Asks a store until it answers: a run is not to fail because its disk was full for a while.
 *
 * @param call may be made any number of times. @throws the signal's reason, and whatever is no STORE_UNAVAILABLE.
 */
export async function answered<T>(clock: Clock, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
  for (let wait = 100; ; wait = Math.min(wait * 2, LONGEST_MS)) {
    signal?.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (!NexusError.is(error, "STORE_UNAVAILABLE")) throw error;
      await clock.sleep(wait, signal);
    }
  }
}
