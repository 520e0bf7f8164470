/** What an app is doing at this moment. */
export interface Activity {
  /** The head of the log. */
  readonly head: number;
  /** Whether something that was recorded has not reached all who are to hear of it. */
  readonly undelivered: boolean;
  /** Pieces of user code that have been called and have not ended. */
  readonly working: number;
}

/** So many turns of the event loop without anything new are rest. */
const CALM_TURNS = 8;
const LOOK_MS = 1;

/** Says when an app has come to rest. */
export interface Settling {
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
  /** The same; but code that goes on for longer than that without anything new is held to wait for time to move, and is not waited for again. */
  settledWithin(graceMs: number): Promise<void>;
}

export function settling(activity: () => Promise<Activity>): Settling {
  /** So many pieces of code were not waited for. */
  let stuck = 0;
  const rest = async (graceMs: number): Promise<void> => {
    let last: Activity | undefined;
    let since = performance.now();
    for (let calm = 0; calm < CALM_TURNS; ) {
      // Code that works may wait for what takes real time.
      await (last !== undefined && last.working > 0 ? new Promise((resolve) => setTimeout(resolve, LOOK_MS)) : turn());
      const now = await activity();
      const isNew = now.head !== last?.head || now.working !== last.working || now.undelivered;
      if (isNew) since = performance.now();
      last = now;
      stuck = Math.min(stuck, now.working);
      calm = isNew || now.working > stuck ? 0 : calm + 1;
      if (!isNew && now.working > stuck && performance.now() - since >= graceMs) stuck = now.working;
    }
  };
  return {
    settled: async () => {
      stuck = 0;
      await rest(Number.POSITIVE_INFINITY);
    },
    settledWithin: rest,
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
