import { NexusError } from "../errors.ts";
import { runErrorOf } from "../events/limits.ts";
import { attemptDelivery } from "./attempt.ts";
import type { ConsumerPlan } from "./consumer-options.ts";
import type { ConsumerServices } from "./consumer-services.ts";
import type { DeadLetter, DeadLetters } from "./dead-letters.ts";
import { withError } from "./tries.ts";

/** Dead letters of one consumer that are tried once more: because someone asks for it, at once, out of order. */
export class Redeliveries {
  readonly #services: ConsumerServices;
  readonly #letters: DeadLetters;
  readonly #underWay = new Map<string, AbortController>();

  constructor(services: ConsumerServices, letters: DeadLetters) {
    this.#services = services;
    this.#letters = letters;
  }

  get size(): number {
    return this.#underWay.size;
  }

  /**
   * @returns the letter, which is no more.
   * @throws DEAD_LETTER_NOT_FOUND · OVERLOADED while it is being tried · DELIVERY_FAILED: it stays a dead letter
   */
  async deliver(plan: ConsumerPlan, eventId: string): Promise<DeadLetter> {
    const { name: consumer } = plan;
    if (this.#underWay.has(eventId)) throw new NexusError("OVERLOADED", { retryAfterMs: 1_000, what: "deliveries of this dead letter" });
    const abort = new AbortController();
    this.#underWay.set(eventId, abort);
    try {
      const letter = await this.#letters.get(consumer, eventId);
      const event = await this.#letters.eventOf(letter);
      if (event === undefined) throw new NexusError("DEAD_LETTER_NOT_FOUND", { consumer, eventId });
      const attempt = letter.attempts + 1;
      const failure = await attemptDelivery(this.#services, plan, event, attempt, abort);
      if (failure === undefined) return await this.#letters.drop(consumer, eventId);
      throw await this.#failed(letter, attempt, failure.thrown);
    } finally {
      this.#underWay.delete(eventId);
    }
  }

  /** Tells those under way to end. */
  abort(reason: Error): void {
    for (const abort of this.#underWay.values()) abort.abort(reason);
  }

  async #failed(letter: DeadLetter, attempt: number, thrown: unknown): Promise<NexusError> {
    const { clock, counters } = this.#services;
    counters.add("delivery_failures");
    const { stack: _stack, ...error } = runErrorOf(thrown);
    const errors = withError(letter.errors, { attempt, at: clock.now(), error }, 1);
    await this.#letters.failedAgain({ ...letter, attempts: attempt, errors });
    const { consumer, eventId } = letter;
    return new NexusError("DELIVERY_FAILED", { consumer, eventId, attempt, error }, { detail: `The delivery failed: ${error.message}` });
  }
}
