/** Where time comes from. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The system's clock may be set, and its machine sleep: both are noticed within this time. */
const LOOK_EVERY_MS = 60_000;
/** The longest that a timer of Node can be set to; it takes a longer one for 1 ms. */
const LONGEST = 2 ** 31 - 1;

/** Why a sleep, or whatever else went on beside, is ended that nobody waits for any more. Made once: one for each would cost more than what it ends. */
export const NEEDLESS: Error = new Error("it is not waited for any more");

export const systemClock: Clock = clockOf((timeout) => timeout);
const backgroundClock: Clock = clockOf((timeout) => timeout.unref());

/** The same time, for what goes on beside: whoever sleeps by it keeps no process alive. */
export function background(clock: Clock): Clock {
  return clock === systemClock ? backgroundClock : clock;
}

/** Resolves when it is that time by the clock, however that gets there. Keeps no process alive; rejects with the signal's reason. */
export async function until(clock: Clock, time: number, signal: AbortSignal): Promise<void> {
  const beside = background(clock);
  const longest = clock === systemClock ? LOOK_EVERY_MS : Number.POSITIVE_INFINITY;
  for (let left = time - beside.now(); left > 0; left = time - beside.now()) await beside.sleep(Math.min(left, longest), signal);
}

function clockOf(set: (timeout: NodeJS.Timeout) => NodeJS.Timeout): Clock {
  return {
    now: () => Date.now(),
    sleep: async (ms, signal) => {
      for (let left = ms; ; left -= LONGEST) {
        await timer(Math.max(0, Math.min(left, LONGEST)), signal, set);
        if (!(left > LONGEST)) return;
      }
    },
  };
}

function timer(ms: number, signal: AbortSignal | undefined, set: (timeout: NodeJS.Timeout) => NodeJS.Timeout): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const aborted = (): void => {
      clearTimeout(timeout);
      reject(signal?.reason as Error);
    };
    const timeout = set(
      setTimeout(() => {
        signal?.removeEventListener("abort", aborted);
        resolve();
      }, ms),
    );
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
