/** Where time comes from. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest that a timer of Node can be set to; it takes a longer one for 1 ms. */
const LONGEST = 2 ** 31 - 1;

export const systemClock: Clock = clockOf((timeout) => timeout);
const backgroundClock: Clock = clockOf((timeout) => timeout.unref());

/** The same time, for what goes on beside: whoever sleeps by it keeps no process alive. */
export function background(clock: Clock): Clock {
  return clock === systemClock ? backgroundClock : clock;
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
