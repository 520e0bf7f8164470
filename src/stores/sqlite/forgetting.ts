import type { EventRows } from "./event-rows.ts";
import type { Meta } from "./meta.ts";
import type { PostingIndex } from "./posting-index.ts";
import type { Transact } from "./transaction.ts";

const EVENTS = 250;
const BYTES = 4 * 1024 * 1024;

interface ForgettingParts {
  readonly rows: EventRows;
  readonly index: PostingIndex;
  readonly meta: Meta;
  readonly transact: Transact;
}

/** Forgets some of the events up to `last`, oldest first, in a transaction of its own. @returns the new floor; `undefined` where there are none. */
export function forgetSome({ rows, index, meta, transact }: ForgettingParts, last: number): number | undefined {
  const events = rows.oldest(last, EVENTS, BYTES);
  const newest = events.at(-1);
  if (newest === undefined) return undefined;
  const { sequence: floor, timestamp } = newest;
  transact(() => {
    index.trim(events, floor);
    rows.deleteUpTo(floor);
    meta.set("floor", floor);
    meta.set("timestamp", timestamp);
  });
  return floor;
}
