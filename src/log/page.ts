import type { StoredEvent } from "../events/event.ts";
import { checkWhole } from "../events/whole.ts";
import type { Head, LogPage, LogRow, ReadQuery } from "./log.ts";

const DEFAULT_LIMIT = 100;
const MOST = 1000;
const PAGE_BYTES = 4 * 1024 * 1024;

/**
 * How many items a page may hold.
 *
 * @throws OPTION_INVALID
 */
export function pageLimit(limit: number = DEFAULT_LIMIT): number {
  checkWhole("limit", limit, 1, MOST);
  return limit;
}

/** The sequences, `first` to `last`, that a query may return before its filter is asked; none when `last < first`. */
export function rangeOf(query: ReadQuery, head: Pick<Head, "floor" | "sequence">): { readonly first: number; readonly last: number } {
  if (query.order === "desc") return { first: head.floor + 1, last: Math.min(query.after, head.sequence) };
  return { first: Math.max(query.after, head.floor) + 1, last: head.sequence };
}

/** An event that matches a query, as it is kept. */
export interface Match extends LogRow {
  /** What it is: an object that no other reader has. */
  event(): StoredEvent;
}

/** A page of what matches, in the order asked for: as many as are wanted, and no more once they have 4 MiB; one event is always taken. */
export function pageOf(matches: Iterable<Match>, query: ReadQuery, head: Pick<Head, "floor" | "sequence">): LogPage {
  const limit = pageLimit(query.limit);
  const taken: Match[] = [];
  let bytes = 0;
  let more = false;
  for (const match of matches) {
    more = taken.length === limit || (taken.length > 0 && bytes + match.body.length > PAGE_BYTES);
    if (more) break;
    taken.push(match);
    bytes += match.body.length;
  }
  const edge = more ? taken.at(-1)?.sequence : undefined;
  // Ascending not the head when that lies before `after`: a reader must never be sent back to what it has read.
  const next = query.order === "desc" ? (edge === undefined ? head.floor : edge - 1) : (edge ?? Math.max(query.after, head.sequence));
  return new Page(taken, next, head.floor, !more);
}

class Page implements LogPage {
  readonly rows: readonly Match[];
  readonly next: number;
  readonly floor: number;
  readonly upToDate: boolean;
  #events: readonly StoredEvent[] | undefined;

  constructor(rows: readonly Match[], next: number, floor: number, upToDate: boolean) {
    this.rows = rows;
    this.next = next;
    this.floor = floor;
    this.upToDate = upToDate;
  }

  get events(): readonly StoredEvent[] {
    return (this.#events ??= this.rows.map((row) => row.event()));
  }
}
