import type { Cursor } from "../events/event.ts";
import { cursorOf, inEpoch } from "./cursor.ts";

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
  /** The value with the same places in another epoch. */
  readonly moved: (value: never, epoch: string) => unknown;
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
  moved: inEpoch,
};
const AMONG_OTHERS = {
  cursors: ({ cursor }: WithCursor) => [cursor],
  moved: (value: WithCursor, epoch: string) => ({ ...value, cursor: inEpoch(value.cursor, epoch) }),
};

/** Whoever keeps a place in State has a row here. */
const KEPT_PLACES: readonly KeptPlace[] = [
  { key: OPEN_RUNS_CURSOR, ...ALONE },
  { key: SESSIONS_CURSOR, ...ALONE },
  { key: CONSUMERS, ...AMONG_OTHERS },
  { key: DEAD_LETTER_EVENTS, ...AMONG_OTHERS },
  {
    key: RETENTION_MARKS,
    cursors: ({ epoch, marks }: Marks) => marks.map(({ sequence }) => cursorOf(epoch, sequence)),
    moved: (marks: Marks, epoch: string) => ({ ...marks, epoch }),
  },
];

/** Whether there are places of the log in what stands under a key of State. */
export function keepsPlaces(key: string): boolean {
  return rowOf(key) !== undefined;
}

/** The places of the log in a value of State. */
export function placesIn(key: string, value: unknown): readonly Cursor[] {
  return rowOf(key)?.cursors(value as never) ?? [];
}

/** The value with the same places in another epoch; what has none, as it is. */
export function movedTo(epoch: string, key: string, value: unknown): unknown {
  return rowOf(key)?.moved(value as never, epoch) ?? value;
}

function rowOf(key: string): KeptPlace | undefined {
  return KEPT_PLACES.find((row) => (row.key.endsWith("/") ? key.startsWith(row.key) : key === row.key));
}
