import { NexusError } from "../../errors.ts";
import type { Cursor } from "../../events/event.ts";
import type { Filter } from "../../events/filter.ts";
import type { Batch, Encoder } from "../../log/batch.ts";
import type { Feed } from "../../log/feed.ts";

/** A connection, as far as a stream of events needs it. */
export interface Outlet {
  /** How the stream's frames look; encoders with the same key write the same bytes. */
  readonly encoder: Encoder;
  /** Whether it takes more now; when it does again it calls `pump`. */
  hasRoom(): boolean;
  write(frames: Uint8Array): void;
  checkpoint(cursor: Cursor, hasMore: boolean): void;
  /** The stream is over. @param cursor where it got to. */
  fail(error: unknown, cursor: Cursor): void;
}

/** After so many events that a filter skipped, the reader is told where it is. */
const SKIPPED = 10_000;
/** A stream that wrote nothing for so long says where it is; looked at every few seconds, so well within 15 s. */
const QUIET_MS = 9_000;
/** A reader that took nothing for so long is let go. */
export const STUCK_MS: number = 30_000;

/**
 * One pushed stream: reads the feed as far as its connection has room, in the turn that the feed advances. A slow one lags in the log; nothing queues for it.
 * One that has read everything does nothing until something matches.
 */
export class Push {
  readonly #feed: Feed;
  readonly #filter: Filter;
  readonly #outlet: Outlet;
  readonly #now: () => number;
  /** Ends its listening for what matches, which it does while it reads everything there is. */
  #unwatch: (() => void) | undefined;
  /** Whether it has read everything, and waits. */
  #waits = false;
  #position: number;
  /** The cursor of that position. */
  #cursor: Cursor;
  /** Whether it has said once that history is through. */
  #caughtUp = false;
  #skipped = 0;
  #reading = false;
  #over = false;
  #wroteAt: number;
  #fullSince: number | undefined;

  constructor(
    feed: Feed,
    filter: Filter,
    outlet: Outlet,
    start: { readonly position: number; readonly cursor: Cursor },
    now: () => number,
  ) {
    this.#feed = feed;
    this.#filter = filter;
    this.#outlet = outlet;
    this.#position = start.position;
    this.#cursor = start.cursor;
    this.#now = now;
    this.#wroteAt = now();
  }

  /** Writes what there is and fits. */
  pump(): void {
    if (!this.#waits) this.#readOn();
  }

  /** To be called every few seconds: tells a quiet reader where it is, and lets a stuck one go. */
  tend(): void {
    if (this.#over) return;
    const now = this.#now();
    if (this.#fullSince !== undefined && this.#hasRoom()) this.pump();
    if (this.#fullSince !== undefined && now - this.#fullSince >= STUCK_MS) {
      return this.fail(new NexusError("SLOW_READER", { retryAfterMs: 1_000 }));
    }
    this.#passSkipped();
    if (this.#fullSince === undefined && (this.#skipped >= SKIPPED || now - this.#wroteAt >= QUIET_MS)) this.#checkpoint();
  }

  /** The connection took something: it is not stuck. */
  progressed(): void {
    if (this.#fullSince !== undefined) this.#fullSince = this.#now();
    this.pump();
  }

  /** Ends it, telling the reader why and from where to go on. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#passSkipped();
    this.stop();
    this.#outlet.fail(error, this.#cursor);
  }

  stop(): void {
    this.#over = true;
    this.#waits = false;
    this.#stopListening();
  }

  #readOn(): void {
    while (!this.#over && !this.#reading && this.#position < this.#feed.end) {
      if (!this.#hasRoom()) return this.#stopListening();
      const batch = this.#feed.read(this.#position, this.#filter);
      if (batch === undefined) break;
      if (batch instanceof Promise) return this.#later(batch);
      this.#deliver(batch);
    }
    if (this.#over || this.#reading) return;
    if (!this.#caughtUp) this.#checkpoint();
    if (this.#over) return;
    this.#waits = true;
    this.#unwatch ??= this.#feed.watch(this.#filter, this.#wake);
  }

  #stopListening(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
  }

  readonly #wake = (position: number): void => {
    this.#waits = false;
    // Its place may be ahead of the feed, which is then behind the log.
    if (position > this.#position) {
      this.#skipped += position - this.#position;
      this.#position = position;
    }
    this.#readOn();
  };

  /** Nothing of what has come since it waits has matched: its place is the end. */
  #passSkipped(): void {
    const { end } = this.#feed;
    if (!this.#waits || end <= this.#position) return;
    this.#skipped += end - this.#position;
    this.#position = end;
    this.#cursor = this.#feed.endCursor(this.#filter.seen?.by);
  }

  #hasRoom(): boolean {
    const room = this.#outlet.hasRoom();
    if (room) this.#fullSince = undefined;
    else this.#fullSince ??= this.#now();
    return room;
  }

  #later(batch: Promise<Batch>): void {
    this.#stopListening();
    this.#reading = true;
    batch.then(
      (read) => {
        this.#reading = false;
        if (this.#over) return;
        this.#deliver(read);
        // In the next turn: what was read is on its way by then, and other connections have had theirs.
        setImmediate(() => this.pump());
      },
      (error: unknown) => {
        this.#reading = false;
        this.fail(error);
      },
    );
  }

  #deliver(batch: Batch): void {
    this.#skipped += batch.next - this.#position - batch.events.length;
    this.#position = batch.next;
    this.#cursor = batch.cursor;
    if (batch.events.length > 0) {
      this.#outlet.write(batch.frames(this.#outlet.encoder));
      this.#wroteAt = this.#now();
    }
    if (this.#skipped >= SKIPPED) this.#checkpoint();
  }

  #checkpoint(): void {
    this.#skipped = 0;
    this.#caughtUp = true;
    this.#wroteAt = this.#now();
    this.#outlet.checkpoint(this.#cursor, this.#position < this.#feed.end);
  }
}
