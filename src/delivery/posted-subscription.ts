import { NexusError } from "../errors.ts";
import type { Cursor, NexusEvent } from "../events/event.ts";
import type { Filter } from "../events/filter.ts";
import { positionOf } from "../log/cursor.ts";
import { answered } from "../observability/answered.ts";
import { type Clock, until } from "../observability/clock.ts";
import type { Counters } from "../observability/counters.ts";
import type { Logger } from "../observability/logger.ts";
import { type PostFailure, postFailure } from "../sinks/post-failure.ts";
import { attemptWithin } from "./attempt.ts";
import { delayAfter, POLICY } from "./retry.ts";
import type { Source } from "./subscription.ts";

export interface PostedParts extends Source {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
}

/** What is posted, as its protocol has it. */
export interface Postings {
  /** Of the subscription; may be told to anyone. */
  readonly id: string;
  event(event: NexusEvent): Message;
  /** Says that what lay before a place is gone. */
  loss(cursor: Cursor): Message;
  /** Says that it is over, because its owner's rights are. */
  end(): Message;
  /** @throws FatalError when the target will never take it · RetryAfter when it says when · Error when it may · the signal's reason */
  post(message: Message, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface Message {
  /** The same on every try. */
  readonly id: string;
  readonly body: object;
}

/** What whoever holds a subscription may have changed by renewing it. */
export interface Terms {
  /** Narrowed to their rights. */
  readonly filter: Filter;
  readonly expiresAt: number;
  /** Whether their credential is good no more. */
  lapsed(): boolean;
}

export interface PostedStatus {
  readonly lastDeliveryAt: number | undefined;
  /** Since the last delivery. */
  readonly failing: { readonly what: PostFailure; readonly since: number } | undefined;
}

/** Of one post. */
export const POST_MS = 10_000;

/**
 * A subscription that posts what it reads, in order, one event at a time, for as long as it is renewed. Nothing of it is kept: whoever holds it knows its place, and begins
 * it again from there.
 */
export class PostedSubscription {
  /** Resolves when it is over and nothing is under way. */
  readonly ended: Promise<void>;
  readonly #parts: PostedParts;
  readonly #postings: Postings;
  readonly #over = new AbortController();
  #renewed = new AbortController();
  #terms: Terms;
  #position: number;
  /** The message that has failed, and how often. */
  #tried: { readonly id: string; readonly times: number } | undefined;
  #status: PostedStatus = { lastDeliveryAt: undefined, failing: undefined };
  #lost = false;

  constructor(parts: PostedParts, postings: Postings, terms: Terms, position: number) {
    this.#parts = parts;
    this.#postings = postings;
    this.#terms = terms;
    this.#position = position;
    this.ended = this.#live();
  }

  /** Everything up to here is delivered or given up, or does not match. */
  get position(): number {
    return this.#position;
  }

  get status(): PostedStatus {
    return this.#status;
  }

  get isOver(): boolean {
    return this.#over.signal.aborted || this.#parts.clock.now() >= this.#terms.expiresAt;
  }

  /** Whether the log forgot events before they were posted, since this was last asked. */
  takeLoss(): boolean {
    const lost = this.#lost;
    this.#lost = false;
    return lost;
  }

  /** Goes on where it is; what waits for its next try is tried now. */
  renew(terms: Terms): void {
    this.#terms = terms;
    this.#renewed.abort();
    this.#renewed = new AbortController();
  }

  /** Nothing more is posted, and what is under way is told to end. */
  end(): void {
    this.#over.abort(new NexusError("STOPPING", {}));
  }

  async #live(): Promise<void> {
    const { signal } = this.#over;
    const lapsed = this.#lapse();
    try {
      while (!this.isOver) await this.#readOn();
    } catch (error) {
      if (!signal.aborted) this.#parts.logger.error({ error, subscription: this.#postings.id }, "a subscription could not go on");
    } finally {
      this.end();
      await lapsed;
      await this.#postings.close();
    }
  }

  async #lapse(): Promise<void> {
    while (!this.isOver) await until(this.#parts.clock, this.#terms.expiresAt, this.#endedOrRenewed).catch(() => {}); // Looked at again.
    this.end();
  }

  /** One batch of the log, or what of it can be posted now: while an event waits for its next try, none is held. */
  async #readOn(): Promise<void> {
    const { feed, clock } = this.#parts;
    const { signal } = this.#over;
    const { filter } = this.#terms;
    const batch = await answered(clock, signal, async () => await feed.read(this.#position, filter)).catch((error: unknown) => {
      if (!NexusError.is(error, "CURSOR_EXPIRED")) throw error;
      return "gone" as const;
    });
    if (batch === "gone") return await this.#skipLost(filter);
    if (batch === undefined) return await feed.past(this.#position, signal);
    for (const { event } of batch.events) {
      // Renewed meanwhile: by other rights the rest may be another.
      if (this.isOver || this.#terms.filter !== filter) return;
      if (this.#terms.lapsed()) return await this.#refuse();
      if (!(await this.#through(this.#postings.event(event)))) return;
      this.#position = event.sequence;
    }
    this.#position = batch.next;
  }

  async #refuse(): Promise<void> {
    const last = this.#postings.end();
    while (!this.isOver && this.#terms.lapsed()) if (await this.#through(last)) this.end();
  }

  async #skipLost({ seen }: Filter): Promise<void> {
    const { log, feed, clock } = this.#parts;
    const { signal } = this.#over;
    this.#position = await answered(clock, signal, () => positionOf(log, "earliest"));
    this.#lost = true;
    const loss = this.#postings.loss(await answered(clock, signal, () => feed.cursorAt(this.#position, seen?.by)));
    while (!this.isOver && !(await this.#through(loss)));
  }

  /** One try. @returns whether that was it: delivered, or given up; else the time of the next has come. */
  async #through(message: Message): Promise<boolean> {
    const { clock, logger, counters } = this.#parts;
    const failure = await attemptWithin(POST_MS, clock, this.#over.signal, (signal) => this.#postings.post(message, signal));
    if (failure === undefined) {
      this.#tried = undefined;
      this.#status = { lastDeliveryAt: clock.now(), failing: undefined };
      return true;
    }
    const what = postFailure(failure.thrown);
    const times = (this.#tried?.id === message.id ? this.#tried.times : 0) + 1;
    const delayMs = delayAfter(failure.thrown, times, POLICY, Math.random);
    this.#tried = delayMs === undefined ? undefined : { id: message.id, times };
    this.#status = { ...this.#status, failing: { what, since: this.#status.failing?.since ?? clock.now() } };
    const facts = { subscription: this.#postings.id, message: message.id, failure: what, attempt: times };
    counters.add("posts_failed");
    if (delayMs === undefined) {
      counters.add("posts_given_up");
      logger.error(facts, "a message to a subscriber was given up");
      return true;
    }
    if (times === 1) logger.warn(facts, "a message to a subscriber could not be delivered; it is tried again");
    await clock.sleep(delayMs, this.#endedOrRenewed).catch(() => {}); // Sooner, or never.
    return false;
  }

  get #endedOrRenewed(): AbortSignal {
    return AbortSignal.any([this.#over.signal, this.#renewed.signal]);
  }
}
