import type { Clock } from "../observability/clock.ts";

/** Time that stands still until it is moved. */
export interface FakeClock extends Clock {
  /**
   * Moves time, and waits until what fell due has settled. Sleepers wake one after the other in the order of their times,
   * each when the clock shows just that time; what they begin within the span wakes in it, too.
   *
   * @param ms at least 0.
   */
  advance(ms: number): Promise<void>;
}

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

const START = Date.UTC(2030, 0, 1);

/**
 * A clock for what takes a `Clock`.
 *
 * @param settle resolves when what was woken has done what it does at that time; default: after some turns of the event loop.
 */
export function fakeClock(settle: () => Promise<void> = someTurns): FakeClock {
  let now = START;
  let moving: Promise<void> = Promise.resolve();
  // In the order in which they fell asleep: of those with one time, the first wakes first.
  const sleepers = new Set<Sleeper>();
  const earliest = (): Sleeper | undefined => {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) if (first === undefined || sleeper.until < first.until) first = sleeper;
    return first;
  };
  const move = async (ms: number): Promise<void> => {
    await settle();
    const end = now + ms;
    for (let next = earliest(); next !== undefined && next.until <= end; next = earliest()) {
      now = Math.max(now, next.until);
      for (const sleeper of sleepers) if (sleeper.until <= now) sleeper.wake();
      await settle();
    }
    now = end;
  };
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason as Error);
        const leave = (): void => {
          sleepers.delete(sleeper);
          signal?.removeEventListener("abort", aborted);
        };
        const aborted = (): void => {
          leave();
          reject(signal?.reason as Error);
        };
        const sleeper: Sleeper = {
          until: now + ms,
          wake: () => {
            leave();
            resolve();
          },
        };
        signal?.addEventListener("abort", aborted, { once: true });
        sleepers.add(sleeper);
        // No time has to pass for this one; but a turn of the event loop does, as with any timer.
        if (!(ms > 0)) setImmediate(sleeper.wake);
      }),
    advance: (ms) => {
      if (!(ms >= 0)) return Promise.reject(new RangeError(`time goes on: ${String(ms)} is not 0 or more`));
      // One after the other, in the order of the calls.
      moving = moving.then(() => move(ms));
      return moving;
    },
  };
}

const TURNS = 20;

async function someTurns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}
