import { NexusError } from "../errors.ts";
import { RUN_ENDS } from "../events/built-in.ts";
import type { Cursor } from "../events/event.ts";
import { parseFilter } from "../events/filter.ts";
import { background, type Clock } from "../observability/clock.ts";
import type { Counters } from "../observability/counters.ts";
import type { Logger } from "../observability/logger.ts";
import { ByteMarks } from "./byte-marks.ts";
import { cursorOf, positionOf } from "./cursor.ts";
import { entriesUnder } from "./entries.ts";
import type { Feed } from "./feed.ts";
import type { Log } from "./log.ts";
import type { State } from "./state.ts";

/** How much of the log is kept. What is absent sets no limit. */
export interface RetentionLimits {
  /** Events older than this are forgotten. */
  readonly maxAgeMs?: number | undefined;
  /** So many of the newest events are kept. */
  readonly maxEvents?: number | undefined;
  /** So many bytes of the newest events are kept, counted as the UTF-8 of their JSON. */
  readonly maxBytes?: number | undefined;
}

/** Something that still needs the events after a position. */
export interface Hold {
  readonly kind: "run" | "consumer";
  readonly name: string;
  readonly position: number;
  /** How old the event after the position may get before the hold is broken. */
  readonly limitMs: number;
  /** Breaks it: who held is told, durably, what it loses. @param floor where the log will begin. */
  release(floor: number): Promise<void>;
}

export interface RetentionParts {
  readonly log: Log;
  readonly feed: Feed;
  readonly state: State;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly limits: RetentionLimits;
  /** What holds the floor below a position. */
  holds(below: number): readonly Hold[];
  /** Keeps what must outlive the events up to a position; called before they go. */
  beforeTrim(position: number): Promise<void>;
}

/** Where the log begins, and what keeps it from beginning later. */
export interface Floor {
  readonly earliest: Cursor;
  readonly heldBy?: { readonly kind: Hold["kind"]; readonly name: string; readonly cursor: Cursor };
}

/** While events arrive, at most so often; else every minute. */
const BUSY_MS = 1_000;
const IDLE_MS = 60_000;
const AT_ONCE = 1_000;
const RESULTS = "results/";
const ENDS = parseFilter({ type: RUN_ENDS });

/**
 * Forgets the oldest events, as far as the limits ask for it and nothing holds them.
 *
 * An event that a run or a consumer still needs stays, but not for ever: when it gets too old, the hold is broken, and whoever held is told.
 */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #marks: ByteMarks | undefined;
  readonly #stopped = new AbortController();
  #stopListening: () => void = () => {};
  #heldBy: Hold | undefined;
  #looked = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #missed = false;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#marks = parts.limits.maxBytes === undefined ? undefined : new ByteMarks(parts, parts.limits.maxBytes);
  }

  /** From now on, old events go. Keeps no process alive. */
  begin(): void {
    if (this.#stopped.signal.aborted || Object.values(this.#parts.limits).every((limit) => limit === undefined)) return;
    this.#stopListening = this.#parts.feed.onAdvance(() => this.#lookWhenDue());
    void this.#lookNowAndThen();
  }

  /** Where the log begins. */
  async floor(): Promise<Floor> {
    const { epoch, floor } = await this.#parts.log.head();
    const { kind, name, position } = this.#heldBy ?? {};
    return {
      earliest: cursorOf(epoch, floor),
      ...(kind !== undefined &&
        name !== undefined &&
        position !== undefined && { heldBy: { kind, name, cursor: cursorOf(epoch, position) } }),
    };
  }

  /** Ends it; resolves when it does nothing any more. */
  async close(): Promise<void> {
    this.#stopped.abort(new NexusError("APP_STOPPED", {}));
    this.#stopListening();
    await this.#looking;
  }

  async #lookNowAndThen(): Promise<void> {
    const clock = background(this.#parts.clock);
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#look();
      await clock.sleep(IDLE_MS, signal).catch(() => {}); // Closed.
    }
  }

  #lookWhenDue(): void {
    // While it looks: what it has passed already may have changed.
    if (this.#looking !== undefined) this.#missed = true;
    else if (this.#parts.clock.now() - this.#looked >= BUSY_MS) void this.#look();
  }

  #look(): Promise<void> {
    this.#looking ??= this.#forget()
      .catch((error: unknown) => {
        if (this.#stopped.signal.aborted) return;
        this.#parts.counters.add("retention_failures");
        this.#parts.logger.error({ error }, "old events could not be forgotten; it is tried again");
      })
      .finally(() => {
        this.#looking = undefined;
        if (!this.#missed || this.#stopped.signal.aborted) return;
        this.#missed = false;
        this.#lookWhenDue();
      });
    return this.#looking;
  }

  async #forget(): Promise<void> {
    const { log, counters } = this.#parts;
    this.#looked = this.#parts.clock.now();
    const { floor } = await log.head();
    const wanted = await this.#wanted();
    const target = wanted > floor ? await this.#unheld(wanted) : wanted;
    if (wanted <= floor) this.#heldBy = undefined;
    for (let from = floor; from < target && !this.#stopped.signal.aborted; ) {
      const to = Math.min(from + AT_ONCE, target);
      await this.#forgetResults(from, to);
      await this.#parts.beforeTrim(to);
      await log.trim(to);
      counters.add("events_forgotten", to - from);
      from = to;
    }
    await this.#marks?.save();
  }

  /** The position that the limits would have the log begin at. */
  async #wanted(): Promise<number> {
    const { log, clock, limits } = this.#parts;
    const { sequence } = await log.head();
    const byEvents = limits.maxEvents === undefined ? 0 : sequence - limits.maxEvents;
    const byAge = limits.maxAgeMs === undefined ? 0 : await positionOf(log, new Date(clock.now() - limits.maxAgeMs));
    const byBytes = (await this.#marks?.excess()) ?? 0;
    return Math.max(byEvents, byAge, byBytes);
  }

  /** How far the log may be forgotten on the way to a position. */
  async #unheld(wanted: number): Promise<number> {
    const { clock, logger } = this.#parts;
    const holds = [...this.#parts.holds(wanted)].sort((a, b) => a.position - b.position);
    for (const hold of holds) {
      const held = await this.#timestampAfter(hold.position);
      if (held === undefined) continue;
      if (clock.now() - held <= hold.limitMs) {
        this.#heldBy = hold;
        return hold.position;
      }
      logger.warn({ [hold.kind]: hold.name }, "the oldest events are forgotten although they were still needed: they got too old");
      await hold.release(wanted);
    }
    this.#heldBy = undefined;
    return wanted;
  }

  async #timestampAfter(position: number): Promise<number | undefined> {
    const { events } = await this.#parts.log.read({ after: position, limit: 1 });
    return events[0]?.timestamp;
  }

  /** Large results of steps go with their runs. */
  async #forgetResults(from: number, to: number): Promise<void> {
    const { log, state } = this.#parts;
    for (let after = from; after < to; ) {
      // A page of large events ends early.
      const { events, next, upToDate } = await log.read({ after, filter: ENDS, limit: AT_ONCE });
      for (const { runId, sequence } of events) {
        if (sequence > to || runId === undefined) continue;
        for await (const { key } of entriesUnder(state, `${RESULTS}${runId}/`)) await state.delete(key);
      }
      if (upToDate) return;
      after = next;
    }
  }
}
