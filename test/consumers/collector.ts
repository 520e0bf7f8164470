import type { Delivery, NexusEvent } from "nexus-event-system";

/** What a consumer's function was called with, and a way to wait for it. */
export interface Collector<T> {
  readonly got: readonly T[];
  /** The function: keeps what `of` makes of each call, then does `then`. */
  readonly deliver: (event: NexusEvent<string, any>, delivery: Delivery) => unknown;
  /** Resolves when so many calls were made. */
  readonly reach: (count: number) => Promise<readonly T[]>;
  /** Resolves when there was a call of which this was kept. */
  readonly until: (kept: T) => Promise<void>;
}

/** @param of what is kept of a call: the data's `n`, unless it says otherwise. @param then what the call does, and returns. */
export function collector<T = number>(
  of: (event: NexusEvent<string, any>, delivery: Delivery) => T = ({ data }) => data.n as T,
  then: (event: NexusEvent<string, any>, delivery: Delivery) => unknown = () => {},
): Collector<T> {
  const got: T[] = [];
  const waiting = new Set<() => void>();
  const wait = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return {
    got,
    deliver: (event, delivery) => {
      got.push(of(event, delivery));
      for (const wake of waiting) wake();
      return then(event, delivery);
    },
    reach: async (count) => {
      await wait(() => got.length >= count);
      return [...got];
    },
    until: (kept) => wait(() => got.includes(kept)),
  };
}
