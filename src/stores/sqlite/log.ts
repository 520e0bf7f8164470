import { setImmediate } from "node:timers/promises";
import { streamOf } from "../../events/built-in.ts";
import type { Sight } from "../../events/filter.ts";
import { bodyOf } from "../../log/event-body.ts";
import type { Head, Log, LogPage, ReadQuery } from "../../log/log.ts";
import { type Match, pageOf, rangeOf } from "../../log/page.ts";
import type { Waiters } from "../../log/waiters.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { EventRows } from "./event-rows.ts";
import type { LogEnds } from "./log-ends.ts";
import type { Matches } from "./matches.ts";
import { valuesOf } from "./posting-keys.ts";
import { rangeInTime } from "./time-range.ts";
import type { Transact } from "./transaction.ts";

/** What the log is made of. */
export interface LogParts {
  readonly epoch: string;
  readonly ends: LogEnds;
  readonly queue: CommitQueue;
  readonly rows: EventRows;
  readonly matches: Matches;
  readonly waiters: Waiters;
  readonly snapshot: Transact;
}

/** What a method throws is a rejection; its place among the calls is that of the call. */
export function sqliteLog(parts: LogParts): Log {
  const { epoch, ends, queue, waiters } = parts;
  const head = (): Head => ({ epoch, floor: ends.floor, sequence: ends.sequence });
  return {
    append: (event, options) => {
      try {
        // All of it is read now: what the caller does to the event afterwards changes nothing.
        const body = bodyOf(event, options?.dataJson);
        const entry = { id: event.id, type: event.type, stream: streamOf(event), values: valuesOf(event), body };
        const expect = options?.expect;
        return queue.append(body.length, () => ends.record(entry, expect));
      } catch (error) {
        return Promise.reject(error as Error);
      }
    },
    read: async (query) => {
      const read = (): LogPage => readPage(parts, query, head());
      return query.durable === true ? queue.now(read) : queue.afterWrites(read);
    },
    waitPast: async (position, signal) => {
      queue.checkOpen();
      signal.throwIfAborted();
      if (ends.sequence <= position) await waiters.wait(position, signal);
    },
    // Exact: who takes this for a place misses nothing that is appended after the call.
    head: async () => queue.between(() => ({ ...head(), sequence: ends.newest() })),
    trim: async (position) => {
      while (await queue.alone(() => ends.forgetSome(position))) {
        // Whoever else wants the event loop has it between two of the transactions.
        await setImmediate();
      }
    },
  };
}

function readPage({ rows, matches, snapshot }: LogParts, query: ReadQuery, head: Head): LogPage {
  const { filter, order = "asc" } = query;
  const range = rangeOf(query, head);
  if (filter === undefined) return pageOf(rows.range(range.first, range.last, order), query, head);
  return snapshot(() => {
    const { first, last } = rangeInTime(range, filter, (sequence) => rows.timestampAt(sequence));
    const matching = matches.find(filter, first, last, order);
    const found = matching === undefined ? rows.range(first, last, order) : rowsAt(rows, matching);
    return pageOf(filter.seen === undefined ? found : seen(found, filter.seen.by), query, head);
  });
}

function* seen(found: Iterable<Match>, sight: Sight): Generator<Match, void> {
  for (const match of found) {
    const event = match.event();
    if (sight.sees(event)) yield { ...match, event: () => event };
  }
}

function* rowsAt(rows: EventRows, sequences: Iterable<number>): Generator<Match, void> {
  for (const sequence of sequences) {
    const match = rows.matchAt(sequence);
    if (match !== undefined) yield match;
  }
}
