import { NexusError } from "../errors.ts";
import type { Cursor, NexusEvent } from "../events/event.ts";
import type { Filter, Sight } from "../events/filter.ts";
import { timeText } from "../events/time.ts";
import { positionOf } from "../log/cursor.ts";
import type { Feed } from "../log/feed.ts";
import type { Log } from "../log/log.ts";
import { Tail } from "../log/tail.ts";

/** A cursor, or a word for a place; a Date is the place just before the first event at or after it. */
export type After = Cursor | "earliest" | "latest" | Date;

/** `for await` it; leaving the loop closes it. */
export interface Subscription<E> extends AsyncIterable<E>, AsyncDisposable {
  /** Resolves when nothing that happens from now on can be missed. */
  readonly ready: Promise<void>;
  /** Where it is; moves on also while nothing matches. Until it is ready: where it was asked to begin. */
  readonly cursor: Cursor;
}

/** What a reader reads from. */
export interface Source {
  readonly log: Log;
  readonly feed: Feed;
}

export interface SubscriptionOptions {
  readonly filter: Filter;
  readonly after: After;
  /** When `after` is gone: go on from the earliest that is left, instead of throwing. */
  readonly onLoss?: "earliest" | undefined;
  /** Ends it quietly. */
  readonly signals: readonly AbortSignal[];
  /** The last event, if there is to be one. */
  readonly until?: (event: NexusEvent) => boolean;
}

/** Reads from its place on; the place is taken at the call, if the source is there already. */
export function subscription(source: Source | Promise<Source>, options: SubscriptionOptions): Subscription<NexusEvent> {
  const closed = new AbortController();
  const signal = AbortSignal.any([closed.signal, ...options.signals]);
  let cursor: Cursor = options.after instanceof Date ? textOf(options.after) : options.after;
  let tail: Tail | undefined;
  const take = async ({ log, feed }: Source): Promise<{ readonly feed: Feed; readonly position: number }> => {
    const position = await placeOf(log, options.after, options.onLoss, options.filter.seen?.by);
    cursor = await feed.cursorAt(position, options.filter.seen?.by);
    return { feed, position };
  };
  const place = source instanceof Promise ? source.then(take) : take(source);
  place.catch(() => {}); // Whoever reads hears of it; `ready` may go unread.

  async function* read(): AsyncGenerator<NexusEvent, void> {
    try {
      const { feed, position } = await place;
      tail = new Tail(feed, position, signal, options.filter);
      for await (const batch of tail) {
        for (const { event } of batch.events) {
          cursor = event.cursor;
          yield event;
          if (options.until?.(event) === true) return;
          if (signal.aborted) return;
        }
        cursor = batch.cursor;
      }
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    } finally {
      closed.abort();
    }
  }
  const reading = read();
  return {
    get ready() {
      const ready = place.then(() => {});
      ready.catch(() => {});
      return ready;
    },
    get cursor() {
      return tail?.waitsAt ?? cursor;
    },
    [Symbol.asyncIterator]: () => reading,
    [Symbol.asyncDispose]: async () => {
      closed.abort();
      await reading.return();
    },
  };
}

/** As on the wire; what is no time is refused when it is read. */
function textOf(date: Date): string {
  return Number.isFinite(date.getTime()) ? `time:${timeText(date)}` : "time:";
}

/** The position of a place. @throws CURSOR_* unless `onLoss` says to go on from the earliest. */
export async function placeOf(log: Log, after: After, onLoss: "earliest" | undefined, sight?: Sight): Promise<number> {
  try {
    return await positionOf(log, after, sight);
  } catch (error) {
    if (onLoss === "earliest" && isLoss(error)) return await positionOf(log, "earliest");
    throw error;
  }
}

/** Whether a reader's place is gone, as opposed to never having been one. */
export function isLoss(error: unknown): error is NexusError<"CURSOR_EXPIRED" | "CURSOR_UNKNOWN"> {
  return NexusError.is(error, "CURSOR_EXPIRED") || NexusError.is(error, "CURSOR_UNKNOWN");
}
