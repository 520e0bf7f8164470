import type { Clock } from "nexus-event-system";

interface Sleeper {
  readonly ms: number;
  readonly until: number;
  readonly wake: () => void;
}

/** Time that stands still until it is moved. */
export interface TestClock extends Clock {
  /** Moves time, and wakes whoever slept until then, in the order of their times. */
  advance(ms: number): void;
  /** Resolves when somebody sleeps for just so long. */
  asleep(ms: number): Promise<void>;
  /** Resolves when nobody does any more. */
  awake(ms: number): Promise<void>;
}

export function testClock(start: number = 1_900_000_000_000): TestClock {
  let now = start;
  const sleepers = new Set<Sleeper>();
  const watchers = new Set<() => void>();
  const changed = (): void => {
    for (const watcher of watchers) watcher();
  };
  const when = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    });
  const sleepsFor = (ms: number): boolean => [...sleepers].some((sleeper) => sleeper.ms === ms);
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason as Error);
        const leave = (): void => {
          sleepers.delete(sleeper);
          signal?.removeEventListener("abort", aborted);
          changed();
        };
        const aborted = (): void => {
          leave();
          reject(signal?.reason as Error);
        };
        const wake = (): void => {
          leave();
          resolve();
        };
        const sleeper: Sleeper = { ms, until: now + ms, wake };
        signal?.addEventListener("abort", aborted, { once: true });
        if (ms <= 0) setImmediate(wake);
        sleepers.add(sleeper);
        changed();
      }),
    advance: (ms) => {
      now += ms;
      for (const { until, wake } of [...sleepers].sort((a, b) => a.until - b.until)) if (until <= now) wake();
    },
    asleep: (ms) => when(() => sleepsFor(ms)),
    awake: (ms) => when(() => !sleepsFor(ms)),
  };
}
