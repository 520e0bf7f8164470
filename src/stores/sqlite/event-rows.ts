import type { Database, Statement } from "better-sqlite3";
import type { StoredEvent } from "../../events/event.ts";
import { eventOf } from "../../log/event-body.ts";
import type { Match } from "../../log/page.ts";
import { unreadable } from "./failures.ts";
import { ID_AS_TEXT, idIn, packId } from "./packed-id.ts";

/** An event as it is stored; its id as `idIn` takes it. */
interface Row {
  readonly sequence: number;
  readonly timestamp: number;
  readonly id: string;
  readonly body: string;
}

/** One that was written a moment ago. */
class NewestRow implements Match {
  readonly sequence: number;
  readonly timestamp: number;
  readonly id: string;
  readonly body: string;

  constructor(sequence: number, timestamp: number, id: string, body: string) {
    this.sequence = sequence;
    this.timestamp = timestamp;
    this.id = id;
    this.body = body;
  }

  event(): StoredEvent {
    return eventOf(this.id, this.sequence, this.timestamp, this.body);
  }
}

/** So many of the newest events, or so many characters of them, are also in memory: whoever follows the log reads them a moment after they were written. */
const NEWEST = 4096;
const NEWEST_LENGTH = 4 * 1024 * 1024;

/** Rows are taken from the file in chunks: one by one they cost half as much again. The first is for who needs few; large ones are not held by the hundred. */
const FIRST_CHUNK = 2;
const LAST_CHUNK = 256;
const CHUNK_LENGTH = 256 * 1024;

const COLUMNS = `sequence, timestamp, ${ID_AS_TEXT} AS id, body`;

/** The table of events: found by sequence or id, never searched. */
export class EventRows {
  readonly #delete: Statement<[number]>;
  readonly #last: Statement<[], number | null>;
  readonly #timestamp: Statement<[number], number>;
  readonly #at: Statement<[number], Row>;
  readonly #byId: Statement<[Buffer | string], Row>;
  readonly #up: Statement<[number, number], Row>;
  readonly #down: Statement<[number, number], Row>;

  /** The newest durable events, ascending, with none missing between them. */
  readonly #newest: NewestRow[] = [];
  #newestLength = 0;

  constructor(db: Database) {
    this.#delete = db.prepare("DELETE FROM events WHERE sequence <= ?");
    this.#last = db.prepare<[], number | null>("SELECT max(sequence) FROM events").pluck();
    this.#timestamp = db.prepare<[number], number>("SELECT timestamp FROM events WHERE sequence = ?").pluck();
    this.#at = db.prepare(`SELECT ${COLUMNS} FROM events WHERE sequence = ?`);
    this.#byId = db.prepare(`SELECT ${COLUMNS} FROM events WHERE id = ?`);
    this.#up = db.prepare(`SELECT ${COLUMNS} FROM events WHERE sequence BETWEEN ? AND ? ORDER BY sequence`);
    this.#down = db.prepare(`SELECT ${COLUMNS} FROM events WHERE sequence BETWEEN ? AND ? ORDER BY sequence DESC`);
  }

  /** Keeps an event in memory that is now durable; it follows the one that was kept before it. */
  keep(sequence: number, timestamp: number, id: string, body: string): void {
    this.#newest.push(new NewestRow(sequence, timestamp, id, body));
    this.#newestLength += body.length;
    if (this.#newest.length <= NEWEST && this.#newestLength <= NEWEST_LENGTH) return;
    let gone = 0;
    // Half of them at once, so that those which stay are not moved for each event.
    while (this.#newest.length - gone > NEWEST / 2 || this.#newestLength > NEWEST_LENGTH / 2)
      this.#newestLength -= (this.#newest[gone++] as NewestRow).body.length;
    this.#newest.splice(0, gone);
  }

  deleteUpTo(sequence: number): void {
    this.#delete.run(sequence);
  }

  /** The greatest sequence there is. */
  last(): number | undefined {
    return this.#last.get() ?? undefined;
  }

  timestampAt(sequence: number): number | undefined {
    return this.#timestamp.get(sequence);
  }

  at(sequence: number): StoredEvent | undefined {
    const row = this.#at.get(sequence);
    return row && toEvent(row);
  }

  byId(id: string): Pick<Row, "sequence" | "timestamp" | "body"> | undefined {
    return this.#byId.get(packId(id));
  }

  /** The oldest events up to `last`: at most so many, and no more once they have so many bytes. */
  oldest(last: number, limit: number, bytes: number): StoredEvent[] {
    const events: StoredEvent[] = [];
    let taken = 0;
    for (const row of this.#up.iterate(0, last)) {
      events.push(toEvent(row));
      taken += row.body.length;
      if (taken >= bytes || events.length === limit) break;
    }
    return events;
  }

  matchAt(sequence: number): Match | undefined {
    const row = this.#at.get(sequence);
    return row && toMatch(row);
  }

  /** The events from `first` to `last`, in order or backwards. */
  *range(first: number, last: number, order: "asc" | "desc" = "asc"): Generator<Match, void> {
    const oldest = this.#newest[0]?.sequence;
    if (order === "asc" && oldest !== undefined && first >= oldest && last < oldest + this.#newest.length) {
      yield* this.#newest.slice(first - oldest, last + 1 - oldest);
      return;
    }
    for (const row of this.#rows(first, last, order)) yield toMatch(row);
  }

  *#rows(first: number, last: number, order: "asc" | "desc"): Generator<Row, void> {
    let [from, to] = [first, last];
    for (let chunk = FIRST_CHUNK; from <= to; ) {
      // No event is missing between two others: so many sequences are so many rows.
      const rows =
        order === "desc" ? this.#down.all(Math.max(from, to - chunk + 1), to) : this.#up.all(from, Math.min(to, from + chunk - 1));
      yield* rows;
      if (order === "desc") to -= chunk;
      else from += chunk;
      const length = rows.reduce((sum, { body }) => sum + body.length, 0);
      chunk = length > CHUNK_LENGTH ? FIRST_CHUNK : Math.min(2 * chunk, LAST_CHUNK);
    }
  }
}

/** Whether it can be read is found out at once: a page with one that cannot be is not made. */
function toMatch(row: Row): Match {
  const { sequence, timestamp, body } = row;
  const event = toEvent(row);
  return { id: event.id, sequence, timestamp, body, event: () => event };
}

function toEvent(row: Row): StoredEvent {
  try {
    return eventOf(idIn(row.id), row.sequence, row.timestamp, row.body);
  } catch (error) {
    throw unreadable(`event ${row.sequence}`, error);
  }
}
