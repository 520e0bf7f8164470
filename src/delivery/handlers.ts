import { NexusError } from "../errors.ts";
import type { NexusEvent } from "../events/event.ts";
import type { Filter } from "../events/filter.ts";
import type { Feed } from "../log/feed.ts";
import type { Clock } from "../observability/clock.ts";
import type { Logger } from "../observability/logger.ts";
import { HandlerCall } from "./handler-call.ts";
import { TimeLimits } from "./time-limits.ts";

export interface HandlerContext {
  /** Aborts after `timeoutMs`, and on stop. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}
export type Handler<E> = (event: E, ctx: HandlerContext) => unknown;

/** What handlers are run with. */
export interface HandlerSetup {
  readonly feed: Feed;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The `source` of this process's events: no others are handled. */
  readonly source: string;
  /** The position after all that was recorded and acknowledged. */
  position(): number;
  /** Calls within the context of an event. */
  within(event: NexusEvent, call: () => unknown): unknown;
  /** Hears that a handler could not read the log. */
  missed(): void;
  /** Hears of each call that failed. */
  failed(event: NexusEvent, error: unknown): void;
}

const CONCURRENCY = 16;

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
}

/**
 * One handler's reading of the feed. Calls start in log order, at most 16 unfinished; when that many are, it stops reading: it lags in the log, and nothing queues.
 */
export class HandlerReader {
  readonly #setup: HandlerSetup;
  readonly #filter: Filter;
  readonly #handler: Handler<never>;
  readonly #timeoutMs: number;
  readonly #stopListening: () => void;
  readonly #limits: TimeLimits;
  /** Calls that have not ended, by their events' sequences. */
  readonly #running = new Map<number, HandlerCall>();
  readonly #settling = new Set<{ readonly position: number; resolve(): void }>();
  /** Everything up to here was started or does not concern it. */
  #position: number;
  #reading = false;
  #removed = false;

  constructor(setup: HandlerSetup, position: number, filter: Filter, handler: Handler<never>, timeoutMs: number) {
    this.#setup = setup;
    this.#position = position;
    this.#filter = filter;
    this.#handler = handler;
    this.#timeoutMs = timeoutMs;
    this.#limits = new TimeLimits(setup.clock, timeoutMs);
    this.#stopListening = setup.feed.onAdvance(() => this.#read());
    this.#read();
  }

  /** Events behind the end of the feed. */
  get lag(): number {
    return this.#setup.feed.end - this.#position;
  }

  /** Calls that have not ended. */
  get running(): number {
    return this.#running.size;
  }

  /** Resolves when it is through everything up to the position. */
  settled(position: number): Promise<void> {
    return new Promise((resolve) => {
      this.#settling.add({ position, resolve });
      this.#settle();
    });
  }

  /** No further calls; those that run go on. */
  remove(): void {
    this.#removed = true;
    this.#stopListening();
    this.#settle();
  }

  /** Tells the calls that run to end. */
  abort(reason: unknown): void {
    for (const call of this.#running.values()) call.abort(reason);
  }

  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#readOn().then(
      () => this.#readDone(),
      (error: unknown) => {
        // Not silent: the handler missed something, or the store is away.
        this.#setup.logger.error({ error, position: this.#position }, "a handler could not read the log");
        this.#setup.missed();
        // What the log has forgotten cannot be handled any more; anything else is tried again with the next append.
        if (NexusError.is(error, "CURSOR_EXPIRED")) this.#position = this.#setup.feed.end;
        this.#reading = false;
        this.#settle();
      },
    );
  }

  #readDone(): void {
    this.#reading = false;
    this.#settle();
    // There may have been more after the last look, before `reading` was cleared.
    if (!this.#removed && this.#running.size < CONCURRENCY && this.#position < this.#setup.feed.end) this.#read();
  }

  async #readOn(): Promise<void> {
    while (!this.#removed && this.#running.size < CONCURRENCY) {
      const pending = this.#setup.feed.read(this.#position, this.#filter);
      const batch = pending instanceof Promise ? await pending : pending;
      if (batch === undefined) return;
      for (const { event } of batch.events) {
        if (this.#removed || this.#running.size >= CONCURRENCY) return;
        this.#position = event.sequence;
        if (event.source === this.#setup.source) this.#call(event);
      }
      this.#position = batch.next;
    }
  }

  #call(event: NexusEvent): void {
    const call = new HandlerCall(this.#setup.logger);
    try {
      const result = this.#setup.within(event, () => this.#handler(event as never, call));
      if (isThenable(result)) this.#await(event, call, Promise.resolve(result));
    } catch (error) {
      this.#setup.failed(event, error);
    }
  }

  /** Keeps a place for a call until it ends, or its time is over. */
  #await(event: NexusEvent, call: HandlerCall, result: Promise<unknown>): void {
    const { sequence } = event;
    this.#running.set(sequence, call);
    const noLimit = this.#limits.begin(() => call.abort(new NexusError("HANDLER_TIMEOUT", { timeoutMs: this.#timeoutMs })));
    const end = (): void => {
      noLimit();
      this.#running.delete(sequence);
      this.#settle();
      this.#read();
    };
    const failed = (error: unknown): void => {
      if (this.#running.get(sequence) !== call) return;
      this.#setup.failed(event, error);
      end();
    };
    call.onAbort(failed);
    result.then(() => {
      if (this.#running.get(sequence) === call) end();
    }, failed);
  }

  #settle(): void {
    for (const waiting of this.#settling) {
      if (!this.#removed && this.#position < waiting.position) continue;
      if ([...this.#running.keys()].some((sequence) => sequence <= waiting.position)) continue;
      this.#settling.delete(waiting);
      waiting.resolve();
    }
  }
}
