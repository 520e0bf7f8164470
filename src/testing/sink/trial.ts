import type { NexusEvent } from "../../events/event.ts";
import type { Delivery, Sink } from "../../sinks/sink.ts";
import type { SinkPlace, TargetState } from "../sink-conformance.ts";

const SOON_MS = 10_000;
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A sink under test, at a place of its own. */
export class Trial implements AsyncDisposable {
  readonly place: SinkPlace;
  readonly events: readonly NexusEvent[];
  readonly #sink: Sink<any>;
  readonly #lacks: readonly TargetState[];

  constructor(place: SinkPlace, events: readonly NexusEvent[], lacks: readonly TargetState[]) {
    this.place = place;
    this.events = events;
    this.#sink = place.sink();
    this.#lacks = lacks;
  }

  get first(): NexusEvent {
    return this.events[0] as NexusEvent;
  }

  get second(): NexusEvent {
    return this.events[1] as NexusEvent;
  }

  lacks(state: TargetState): boolean {
    return this.#lacks.includes(state);
  }

  /** Delivers as a consumer does. */
  async deliver(event: NexusEvent, { attempt = 1, signal = new AbortController().signal }: Partial<Delivery> = {}): Promise<void> {
    const idempotencyKey = `conformance/${event.id}`;
    await this.#sink.deliver(event, { consumer: "conformance", attempt, idempotencyKey, signal, log: quiet });
  }

  /** What a delivery is rejected with. */
  async refusal(event: NexusEvent, given?: Partial<Delivery>): Promise<Error> {
    try {
      await this.deliver(event, given);
    } catch (error) {
      this.claim(error instanceof Error, `it was rejected with ${String(error)}, which is no Error`);
      return error as Error;
    }
    throw new Error("it resolved, and ought to be rejected");
  }

  async close(): Promise<void> {
    await this.#sink.close?.();
  }

  /** @throws when it takes longer than anything that is meant to be at once. */
  async soon<T>(promise: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`it has not happened within ${SOON_MS} ms`)), SOON_MS);
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  claim(holds: boolean, otherwise: string): void {
    if (!holds) throw new Error(otherwise);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.place[Symbol.asyncDispose]();
  }
}
