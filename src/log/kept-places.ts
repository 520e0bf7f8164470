import type { Cursor } from "../events/event.ts";
import { cursorOf } from "./cursor.ts";

/** The keys of State under which places of the log stand; those that end with a slash begin many keys. */
export const OPEN_RUNS_CURSOR = "open-cursor";
export const SESSIONS_CURSOR = "sessions-cursor";
export const RETENTION_MARKS = "retention";
export const CONSUMERS = "consumers/";
export const DEAD_LETTER_EVENTS = "dead-letter-events/";

interface KeptPlace {
  readonly key: string;
  /** The places in a value. */
  readonly cursors: (value: never) => readonly Cursor[];
  /** The value with other places, each the same as before in another log. */
  readonly carried: (value: never, to: (cursor: Cursor) => Cursor) => unknown;
}

interface WithCursor {
  readonly cursor: Cursor;
}

interface Marks {
  readonly epoch: string;
  readonly marks: readonly { readonly sequence: number }[];
}

const ALONE = {
  cursors: (cursor: Cursor) => [cursor],
  carried: (cursor: Cursor, to: (cursor: Cursor) => Cursor) => to(cursor),
};
const AMONG_OTHERS = {
  cursors: ({ cursor }: WithCursor) => [cursor],
  carried: (value: WithCursor, to: (cursor: Cursor) => Cursor) => ({ ...value, cursor: to(value.cursor) }),
};

/** Whoever keeps a place in State has a row here: a log that is restored from a backup has another epoch, and its State's places go over to that. */
const KEPT_PLACES: readonly KeptPlace[] = [
  { key: OPEN_RUNS_CURSOR, ...ALONE },
  { key: SESSIONS_CURSOR, ...ALONE },
  { key: CONSUMERS, ...AMONG_OTHERS },
  { key: DEAD_LETTER_EVENTS, ...AMONG_OTHERS },
  {
    key: RETENTION_MARKS,
    cursors: ({ epoch, marks }: Marks) => marks.map(({ sequence }) => cursorOf(epoch, sequence)),
    carried: (value: Marks, to) => ({ ...value, epoch: epochOf(to(cursorOf(value.epoch, 0))) }),
  },
];

/** The places of the log in a value of State. */
export function placesIn(key: string, value: unknown): readonly Cursor[] {
  return rowOf(key)?.cursors(value as never) ?? [];
}

/** The value with its places of one log made the same places of another; those of a third stay what they are. `undefined` when there are none. */
export function carriedOver(key: string, value: unknown, from: string, to: string): unknown {
  const move = (cursor: Cursor): Cursor => (epochOf(cursor) === from ? to + cursor.slice(from.length) : cursor);
  return rowOf(key)?.carried(value as never, move);
}

function rowOf(key: string): KeptPlace | undefined {
  return KEPT_PLACES.find((row) => (row.key.endsWith("/") ? key.startsWith(row.key) : key === row.key));
}

function epochOf(cursor: Cursor): string {
  return cursor.split(".", 1)[0] as string;
}
