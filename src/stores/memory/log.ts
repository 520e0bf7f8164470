import { setImmediate } from "node:timers/promises";
import { NexusError } from "../../errors.ts";
import { streamOf } from "../../events/built-in.ts";
import type { NewEvent } from "../../events/event.ts";
import { bodyOf, eventOf, isRepeat } from "../../log/event-body.ts";
import type { AppendOptions, Log, LogPage, Position, ReadQuery } from "../../log/log.ts";
import { type Match, pageOf, rangeOf } from "../../log/page.ts";
import type { StoreSetup } from "../../log/store.ts";
import { Turn } from "../../log/turn.ts";
import type { Waiters } from "../../log/waiters.ts";
import type { Contents, Recorded } from "./contents.ts";

/** Every method is async, so that what it throws is a rejection; all of its work is done in the call, but that a turn which has gone on for long ends before a read, and after an append. */
export function memoryLog(contents: Contents, setup: StoreSetup, waiters: Waiters, checkOpen: () => void): Log {
  const turn = new Turn();
  const newest = (): number => contents.floor + contents.events.length;
  return {
    append: async (event, options) => {
      checkOpen();
      const position = record(contents, event, options, setup.now);
      if (turn.isLong) await setImmediate();
      // Last: whoever appended hears of it before those who read.
      if (position.recorded) waiters.wake(position.sequence);
      return position;
    },
    read: async (query) => {
      checkOpen();
      if (turn.isLong) await setImmediate();
      return readPage(contents, query);
    },
    waitPast: async (position, signal) => {
      checkOpen();
      signal.throwIfAborted();
      if (newest() <= position) await waiters.wait(position, signal);
    },
    head: async () => {
      checkOpen();
      return { epoch: contents.epoch, floor: contents.floor, sequence: newest() };
    },
    trim: async (position) => {
      checkOpen();
      const count = Math.min(position, newest()) - contents.floor;
      if (count <= 0) return;
      for (const { event } of contents.events.splice(0, count)) {
        contents.byId.delete(event.id);
        const stream = streamOf(event);
        if (contents.heads.get(stream) === event) contents.heads.delete(stream);
      }
      contents.floor += count;
    },
  };
}

function record(contents: Contents, event: NewEvent, { expect, dataJson }: AppendOptions = {}, now: () => number): Position {
  const body = bodyOf(event, dataJson);
  const known = contents.byId.get(event.id);
  if (known !== undefined) {
    if (!isRepeat(body, known.body)) throw new NexusError("EVENT_ID_CONFLICT", { id: event.id });
    return { id: event.id, sequence: known.event.sequence, timestamp: known.event.timestamp, recorded: false };
  }
  const stream = streamOf(event);
  const last = contents.heads.get(stream)?.id ?? null;
  if (expect !== undefined && expect !== last) throw new NexusError("STREAM_CONFLICT", { stream, last });
  const timestamp = Math.max(Math.floor(now()), contents.timestamp);
  const sequence = contents.floor + contents.events.length + 1;
  const recorded = { event: eventOf(event.id, sequence, timestamp, body), body };
  contents.events.push(recorded);
  contents.byId.set(event.id, recorded);
  contents.heads.set(stream, recorded.event);
  contents.timestamp = timestamp;
  return { id: event.id, sequence, timestamp, recorded: true };
}

function readPage(contents: Contents, query: ReadQuery): LogPage {
  return pageOf(matchesOf(contents, query), query, headOf(contents));
}

function* matchesOf(contents: Contents, query: ReadQuery): Generator<Match, void> {
  const { first, last } = rangeOf(query, headOf(contents));
  const [start, step] = query.order === "desc" ? [last, -1] : [first, 1];
  for (let sequence = start; sequence >= first && sequence <= last; sequence += step) {
    const { event, body } = contents.events[sequence - contents.floor - 1] as Recorded;
    if (query.filter !== undefined && !query.filter.matches(event)) continue;
    const { id, timestamp } = event;
    // Each reader has its own copy.
    yield { id, sequence, timestamp, body, event: () => eventOf(id, sequence, timestamp, body) };
  }
}

function headOf(contents: Contents): { readonly floor: number; readonly sequence: number } {
  return { floor: contents.floor, sequence: contents.floor + contents.events.length };
}
