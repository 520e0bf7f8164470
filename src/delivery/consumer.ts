import { NexusError, type RunError } from "../errors.ts";
import type { Cursor } from "../events/event.ts";
import type { JsonObject } from "../events/json.ts";
import { runErrorOf, shortError } from "../events/limits.ts";
import { positionOf, sequenceIn } from "../log/cursor.ts";
import { tell } from "./consumer-events.ts";
import type { ConsumerPlan } from "./consumer-options.ts";
import type { ConsumerServices } from "./consumer-services.ts";
import { ConsumerState, type ConsumerValue, type StopReason } from "./consumer-state.ts";
import type { ConsumerStatus } from "./consumer-status.ts";
import type { DeadLetter, DeadLetters } from "./dead-letters.ts";
import { Delivering } from "./delivering.ts";
import { Redeliveries } from "./redeliveries.ts";
import type { After } from "./subscription.ts";
import { retryingOf, Tries } from "./tries.ts";

const MESSAGE_BYTES = 4 * 1024;

/** One named, durable reader: where it is, what it tries again, and, once it has a plan, its delivering. */
export class Consumer {
  readonly name: string;
  readonly #services: ConsumerServices;
  readonly #letters: DeadLetters;
  readonly #state: ConsumerState;
  readonly #tries: Tries;
  readonly #redeliveries: Redeliveries;
  readonly #closed: AbortController;
  #plan: ConsumerPlan | undefined;
  #delivering: Delivering | undefined;
  /** Where it stands while it is not delivering. */
  #position: number;
  /** The cursor as it was kept, as long as nobody followed it: it may be of another history. */
  #unread: Cursor | undefined;
  #paused: boolean;
  #stopped: StopReason | undefined;
  /** Why it could not go on, in this process. */
  #fault: RunError | undefined;
  /** Changes whenever it is to deliver, or not to: who comes later has the say. */
  #turn = 0;
  #commands: Promise<unknown> = Promise.resolve();

  private constructor(services: ConsumerServices, letters: DeadLetters, state: ConsumerState, closed: AbortController) {
    const { name, cursor, paused, stopped } = state.stored;
    this.name = name;
    this.#services = services;
    this.#letters = letters;
    this.#state = state;
    this.#closed = closed;
    this.#unread = cursor;
    this.#position = sequenceIn(cursor);
    this.#paused = paused;
    this.#stopped = stopped;
    this.#redeliveries = new Redeliveries(services, letters);
    this.#tries = new Tries(
      { services, letters, signal: closed.signal, save: () => this.#save(), gaveUp: (stop) => this.#gaveUp(stop) },
      state.stored,
    );
  }

  /**
   * Where it was; a name never seen before begins where its plan says, and that is kept before this resolves.
   *
   * @throws CONSUMER_NOT_FOUND for such a name without a plan · CURSOR_* for a place to begin that is none.
   */
  static async load(services: ConsumerServices, letters: DeadLetters, name: string, plan: ConsumerPlan | undefined): Promise<Consumer> {
    const closed = new AbortController();
    // Taken now: where a new one begins is the place of this call.
    const position = plan && positionOf(services.log, plan.from);
    position?.catch(() => {}); // One that is known does not ask where it would have begun.
    const first = plan && position && (async () => firstValue(plan, services.source, await services.feed.cursorAt(await position)));
    const state = await ConsumerState.load(services, name, first, closed.signal);
    if (state === undefined) throw new NexusError("CONSUMER_NOT_FOUND", { consumer: name });
    return new Consumer(services, letters, state, closed);
  }

  /** Delivers from now on, as the plan says. @throws CONSUMER_TAKEN · STORE_UNAVAILABLE */
  async begin(plan: ConsumerPlan): Promise<void> {
    this.#plan = plan;
    try {
      await this.#follow().catch((error: unknown) => {
        if (!NexusError.is(error, "CURSOR_UNKNOWN")) throw error;
        this.#break(error);
      });
      // Whoever had it before cannot move its cursor any more.
      await this.#save();
    } catch (error) {
      // The next start begins it again.
      this.#plan = undefined;
      throw error;
    }
    this.#run();
  }

  /** Whether this process delivers for it. */
  get isHere(): boolean {
    return this.#plan !== undefined;
  }

  /** Where a crash goes back to: what follows must not be forgotten. `undefined` when that is no place of this log. */
  get held(): number | undefined {
    return this.#state.stored.cursor.startsWith(`${this.#services.feed.epoch}.`) ? this.#state.position : undefined;
  }

  /** Whether it has something to do now: not what is to be tried again later. */
  get isBehind(): boolean {
    return this.#word === "active" && this.#here < this.#services.feed.end && this.#delivering?.waits !== true;
  }

  /** Tries under way. */
  get underWay(): number {
    return (this.#delivering?.trying ?? 0) + this.#redeliveries.size;
  }

  async status(): Promise<ConsumerStatus> {
    const { log, feed } = this.#services;
    const [{ sequence }, deadLetters] = await Promise.all([log.head(), this.#letters.count(this.name)]);
    const position = this.#here;
    const retrying = this.#tries.after(position).map((each) => retryingOf(each, this.#plan));
    const error = this.#fault ?? this.#stopped?.error;
    const { filter, sink, totals } = this.#value();
    return {
      name: this.name,
      status: this.#word,
      paused: this.#paused,
      cursor: this.#unread ?? (await feed.cursorAt(position)),
      lag: Math.max(0, sequence - position),
      deadLetters,
      ...(retrying.length > 0 && { nextRetryAt: Math.min(...retrying.map(({ nextRetryAt }) => nextRetryAt)) }),
      retrying,
      ...(error !== undefined && { error }),
      filter,
      sink,
      totals,
    };
  }

  /** No further try begins; those under way go on, and count. Lasts over restarts. */
  pause(): Promise<void> {
    return this.#command(async () => {
      this.#halt();
      this.#paused = true;
      await this.#save();
    });
  }

  /** Goes on where it is, also when it had stopped. @throws CURSOR_UNKNOWN when that is no place of this log */
  resume(): Promise<void> {
    return this.#command(async () => {
      if (this.isHere) await this.#follow();
      this.#paused = false;
      this.#stopped = undefined;
      this.#fault = undefined;
      await this.#save();
      this.#run();
    });
  }

  /** Goes on from another place; what is under way is told to end, and does not count. One that is paused stays so. @throws CURSOR_* */
  rewind(to: After): Promise<void> {
    return this.#command(async () => {
      const position = await positionOf(this.#services.log, to);
      await this.#interrupt("the consumer was sent to another place");
      this.#moveTo(position);
      this.#tries.forget();
      this.#stopped = undefined;
      this.#fault = undefined;
      await this.#save();
      this.#run();
    });
  }

  /** Forgets it, and its dead letters. @returns how many those were. */
  remove(): Promise<number> {
    return this.#command(async () => {
      await this.#interrupt("the consumer was removed");
      this.#plan = undefined;
      await this.#state.remove();
      this.#closed.abort(new NexusError("CONSUMER_NOT_FOUND", { consumer: this.name }));
      return await this.#letters.dropAll(this.name);
    });
  }

  /** The log is about to forget everything up to a position: where it is still before that, it moves there, and says so. */
  release(floor: number): Promise<void> {
    return this.#command(async () => {
      if (this.held === undefined || this.#closed.signal.aborted) return;
      if (this.#here < floor) {
        await this.#interrupt("the log forgot the event");
        await this.#passOver(this.#here, floor);
      }
      await this.#save();
      this.#run();
    });
  }

  /** Tries once more to deliver a dead letter, now, out of order. @throws CONSUMER_INACTIVE · what `Redeliveries.deliver` throws */
  async redeliver(eventId: string): Promise<DeadLetter> {
    if (this.#plan === undefined) throw new NexusError("CONSUMER_INACTIVE", { consumer: this.name });
    const letter = await this.#redeliveries.deliver(this.#plan, eventId);
    this.#tries.redelivered();
    return letter;
  }

  /** Begins nothing more. Resolves when nothing is under way. */
  async leave(): Promise<void> {
    this.#halt();
    await this.#delivering?.ended;
  }

  /** Tells what is under way to end, and keeps where it is. @param patience ends waiting for a store that does not answer. */
  async close(reason: Error, patience: AbortSignal): Promise<void> {
    this.#halt();
    this.#delivering?.leave(reason);
    this.#redeliveries.abort(reason);
    patience.addEventListener("abort", () => this.#closed.abort(reason), { once: true });
    if (this.isHere && this.#fault === undefined) await this.#save().catch((error: unknown) => this.#notSaved(error));
    this.#state.close();
    this.#closed.abort(reason);
  }

  get #word(): ConsumerStatus["status"] {
    if (!this.isHere) return "inactive";
    if (this.#fault !== undefined || this.#stopped !== undefined) return "stopped";
    return this.#paused ? "paused" : "active";
  }

  /** Everything up to here is through. */
  get #here(): number {
    return this.#delivering?.position ?? this.#position;
  }

  /** Commands take effect one after another. */
  #command<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#commands.then(change);
    this.#commands = done.catch(() => {});
    return done;
  }

  /** Delivers, if it is to; after what an earlier delivering has under way. */
  #run(): void {
    const plan = this.#plan;
    if (plan === undefined || this.#word !== "active" || this.#closed.signal.aborted) return;
    if (this.#delivering?.halted === false) return;
    this.#turn += 1;
    const turn = this.#turn;
    const before = this.#delivering;
    if (before === undefined) this.#start(plan);
    else
      void before.ended.then(() => {
        if (turn === this.#turn) this.#start(plan);
      });
  }

  #start(plan: ConsumerPlan): void {
    const { feed, clock } = this.#services;
    const position = this.#here;
    this.#delivering = new Delivering(
      {
        feed,
        clock,
        filter: plan.filter,
        concurrency: plan.concurrency,
        waitMs: (event) => this.#tries.waitMs(event),
        tryOnce: (event, abort) => this.#tries.once(plan, event, abort),
        advanced: (skipped) => this.#advanced(skipped),
        failed: (error) => this.#failed(error),
      },
      position,
    );
  }

  #halt(): void {
    this.#turn += 1;
    this.#delivering?.halt();
  }

  /** Ends what is under way, whose outcome is dropped. */
  async #interrupt(why: string): Promise<void> {
    this.#halt();
    this.#delivering?.leave(new NexusError("STOPPING", {}, { detail: `The delivery is over: ${why}.` }));
    await this.#delivering?.ended;
  }

  #moveTo(position: number): void {
    this.#position = position;
    this.#delivering = undefined;
    this.#unread = undefined;
  }

  /** Makes a position of the cursor as it was kept. @throws CURSOR_UNKNOWN */
  async #follow(): Promise<void> {
    if (this.#unread === undefined) return;
    const { log } = this.#services;
    try {
      this.#moveTo(await positionOf(log, this.#unread));
    } catch (error) {
      if (!NexusError.is(error, "CURSOR_EXPIRED")) throw error;
      await this.#passOver(this.#position, (await log.head()).floor);
    }
  }

  /** Moves it past events that the log has forgotten. */
  async #passOver(from: number, floor: number): Promise<void> {
    const { feed, counters, logger } = this.#services;
    const count = floor - from;
    logger.warn({ consumer: this.name, count }, "the log forgot events before this consumer got to them");
    const data = { consumer: this.name, from: await feed.cursorAt(from), to: await feed.cursorAt(floor), count };
    await tell(this.#services, this.#closed.signal, "consumer.lost", data, { about: `${this.#tries.round}\n${from}` });
    counters.add("consumer_events_lost", count);
    this.#tries.lost(count);
    this.#moveTo(floor);
  }

  #gaveUp(stop: StopReason | undefined): void {
    this.#state.hurry();
    if (stop === undefined) return;
    this.#stopped = stop;
    this.#halt();
  }

  #advanced(skipped: boolean): void {
    if (this.#closed.signal.aborted || this.#here === this.#state.position) return;
    this.#state.saveSoon(skipped, () => {
      this.#save().catch((error: unknown) => this.#failed(error));
    });
  }

  #save(): Promise<void> {
    return this.#state.save(async () => {
      const position = this.#here;
      const value = this.#value();
      return { ...value, cursor: this.#unread ?? (await this.#services.feed.cursorAt(position)) };
    });
  }

  #value(): Omit<ConsumerValue, "cursor"> {
    const { filter, sink, node } = this.#state.stored;
    return {
      name: this.name,
      node: this.isHere ? this.#services.source : node,
      paused: this.#paused,
      ...(this.#stopped !== undefined && { stopped: this.#stopped }),
      filter: this.#plan === undefined ? filter : filterFields(this.#plan),
      sink: this.#plan?.sink.name ?? sink,
      round: this.#tries.round,
      trying: this.#tries.after(this.#here),
      totals: this.#tries.totals,
    };
  }

  /** Its delivering, or keeping where it is, cannot go on. */
  #failed(error: unknown): void {
    if (this.#closed.signal.aborted || NexusError.is(error, "APP_STOPPED")) return;
    if (!NexusError.is(error, "CURSOR_EXPIRED")) return this.#break(error);
    const moved = this.#services.log.head().then(({ floor }) => this.release(floor));
    moved.catch((reason: unknown) => this.#break(reason));
  }

  /** It stops, and says why; someone has to resume it. */
  #break(error: unknown): void {
    this.#services.logger.error({ error, consumer: this.name }, "a consumer stopped");
    this.#services.counters.add("consumers_stopped");
    this.#fault = shortError(runErrorOf(error), MESSAGE_BYTES);
    this.#halt();
  }

  #notSaved(error: unknown): void {
    if (NexusError.is(error, "APP_STOPPED")) return;
    this.#services.logger.warn({ error, consumer: this.name }, "where a consumer is was not kept at stop; what it did since is done again");
  }
}

function filterFields({ filter }: ConsumerPlan): JsonObject {
  return { ...Object.fromEntries(filter.fields), ...(filter.broadcast !== undefined && { broadcast: filter.broadcast }) };
}

function firstValue(plan: ConsumerPlan, node: string, cursor: Cursor): ConsumerValue {
  return {
    name: plan.name,
    cursor,
    node,
    paused: false,
    filter: filterFields(plan),
    sink: plan.sink.name,
    round: 0,
    trying: [],
    totals: { delivered: 0, failures: 0, deadLettered: 0, lost: 0 },
  };
}
