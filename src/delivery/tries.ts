import { FatalError, NexusError, type RunError } from "../errors.ts";
import type { NexusEvent } from "../events/event.ts";
import { runErrorOf, shortError } from "../events/limits.ts";
import { answered } from "../observability/answered.ts";
import { attemptDelivery } from "./attempt.ts";
import { isTold, tell } from "./consumer-events.ts";
import type { ConsumerPlan } from "./consumer-options.ts";
import type { ConsumerServices } from "./consumer-services.ts";
import type { ConsumerValue, DeliveryError, StopReason, Totals, Trying } from "./consumer-state.ts";
import type { Retrying } from "./consumer-status.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { delayAfter } from "./retry.ts";

export interface TriesParts {
  readonly services: ConsumerServices;
  readonly letters: DeadLetters;
  /** Aborts when it is over with this consumer here. */
  readonly signal: AbortSignal;
  /** Keeps where the consumer is. */
  save(): Promise<void>;
  /** An event is dead: that it is through is to be kept at once. @param stop why the consumer is not to go on behind it. */
  gaveUp(stop: StopReason | undefined): void;
}

const ERRORS_KEPT = 20;
/** Of one message, and of all that are kept for those that are tried again: they share one value of State. */
const MESSAGE_BYTES = 4 * 1024;
const MESSAGES_BYTES = 256 * 1024;

/** What a consumer has tried: of each event that failed, how often and why; and its sums. */
export class Tries {
  readonly #parts: TriesParts;
  readonly #trying: Map<string, Trying>;
  #round: number;
  #totals: Totals;

  constructor(parts: TriesParts, { trying, round, totals }: ConsumerValue) {
    this.#parts = parts;
    this.#trying = new Map(trying.map((each) => [each.eventId, each]));
    this.#round = round;
    this.#totals = totals;
  }

  get round(): number {
    return this.#round;
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** The events after a position that are tried again. */
  after(position: number): readonly Trying[] {
    return [...this.#trying.values()].filter(({ sequence }) => sequence > position);
  }

  /** How many milliseconds an event waits to be tried again, if its delivery has failed. */
  waitMs({ id }: NexusEvent): number | undefined {
    const tried = this.#trying.get(id);
    if (tried === undefined) return undefined;
    const { nextRetryAt, errors } = tried;
    const now = this.#parts.services.clock.now();
    // The clock may have been set back since: it waits no longer than it was to wait from its failure on.
    return Math.max(0, nextRetryAt - Math.max(now, errors.at(-1)?.at ?? now));
  }

  /** The consumer goes to another place: what it tries there it has not tried before. */
  forget(): void {
    this.#trying.clear();
    this.#round += 1;
  }

  /** The log forgot so many events before the consumer got to them. */
  lost(count: number): void {
    this.#count("lost", count);
  }

  /** A dead letter was delivered after all. */
  redelivered(): void {
    this.#count("delivered");
  }

  /** The next try of an event. @returns how many milliseconds another is to wait; `undefined` when it is delivered, or dead. */
  async once(plan: ConsumerPlan, event: NexusEvent, abort: AbortController): Promise<number | undefined> {
    const attempt = (this.#trying.get(event.id)?.attempts ?? 0) + 1;
    const failure = await attemptDelivery(this.#parts.services, plan, event, attempt, abort);
    if (failure !== undefined) return await this.#failed(plan, event, attempt, failure.thrown);
    this.#trying.delete(event.id);
    this.#count("delivered");
    return undefined;
  }

  async #failed(plan: ConsumerPlan, event: NexusEvent, attempt: number, thrown: unknown): Promise<number | undefined> {
    const { services, signal } = this.#parts;
    const { clock, counters, logger } = services;
    // The app under it has stopped: that is no failure of the event's.
    if (signal.aborted || NexusError.is(thrown, "APP_STOPPED")) throw new NexusError("APP_STOPPED", {});
    counters.add("delivery_failures");
    this.#count("failures");
    if (!isTold(event)) logger.error({ error: thrown, consumer: plan.name, eventId: event.id, attempt }, "a delivery failed");
    const known = this.#trying.get(event.id);
    const error = runErrorOf(thrown);
    const errors = withError(known?.errors ?? [], { attempt, at: clock.now(), error }, plan.concurrency);
    const delayMs = isFinal(thrown) ? undefined : delayAfter(thrown, attempt, plan.policy, () => services.random());
    if (delayMs === undefined) {
      await this.#giveUp(plan, event, { attempt, error, errors });
      return undefined;
    }
    const nextRetryAt = clock.now() + Math.ceil(delayMs);
    this.#trying.set(event.id, { eventId: event.id, type: event.type, sequence: event.sequence, attempts: attempt, nextRetryAt, errors });
    if (known === undefined && isTold(event))
      logger.warn({ consumer: plan.name, eventId: event.id, error: error.message, delayMs }, "a delivery failed; it is tried again");
    const told = known === undefined ? this.#tell("consumer.retrying", plan, event, { attempt, error, delayMs }) : undefined;
    await Promise.all([told, this.#parts.save()]);
    return this.waitMs(event);
  }

  async #giveUp(
    plan: ConsumerPlan,
    event: NexusEvent,
    { attempt, error, errors }: { readonly attempt: number; readonly error: RunError; readonly errors: readonly DeliveryError[] },
  ): Promise<void> {
    const { services, letters, signal } = this.#parts;
    const { clock, counters } = services;
    const { id: eventId, type, sequence } = event;
    const letter = { consumer: plan.name, eventId, type, sequence, attempts: attempt, diedAt: clock.now(), errors };
    const kept = answered(clock, signal, () => letters.keep(letter, event));
    await Promise.all([kept, this.#tell("consumer.dead_lettered", plan, event, { attempt, error })]);
    if (isTold(event)) services.logger.error({ consumer: plan.name, eventId, error: error.message, attempt }, "an event is a dead letter");
    counters.add("dead_letters");
    this.#trying.delete(eventId);
    this.#count("deadLettered");
    this.#parts.gaveUp(plan.stopsAtDeadLetter ? { error: shortError(error, MESSAGE_BYTES), eventId } : undefined);
  }

  /** Once for each event, and for each place that the consumer was sent to. */
  async #tell(
    type: "consumer.retrying" | "consumer.dead_lettered",
    { name }: ConsumerPlan,
    event: NexusEvent,
    data: object,
  ): Promise<void> {
    if (!isTold(event)) return;
    const whole = { consumer: name, eventId: event.id, ...data } as never;
    await tell(this.#parts.services, this.#parts.signal, type, whole, { about: `${this.#round}\n${event.id}`, because: event });
  }

  #count(what: keyof Totals, count = 1): void {
    this.#totals = { ...this.#totals, [what]: this.#totals[what] + count };
  }
}

/** The errors of the last tries, with one more. @param share how many events share the room there is. */
export function withError(before: readonly DeliveryError[], { error, ...rest }: DeliveryError, share: number): readonly DeliveryError[] {
  const bytes = Math.min(MESSAGE_BYTES, Math.floor(MESSAGES_BYTES / (ERRORS_KEPT * share)));
  return [...before, { ...rest, error: shortError(error, bytes) }].slice(-ERRORS_KEPT);
}

/** As it is shown. */
export function retryingOf({ errors, ...rest }: Trying, plan: ConsumerPlan | undefined): Retrying {
  const error = errors.at(-1)?.error;
  return { ...rest, ...(plan !== undefined && { mostAttempts: plan.policy.attempts }), ...(error !== undefined && { error }) };
}

/** Whether no further try would help: FatalError, and what says so of itself, as the errors of the table do. */
function isFinal(thrown: unknown): boolean {
  try {
    return thrown instanceof FatalError || (thrown as { readonly retryable?: unknown } | null | undefined)?.retryable === false;
  } catch {
    // What cannot even be asked is tried again.
    return false;
  }
}
