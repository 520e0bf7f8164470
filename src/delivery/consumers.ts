import { NexusError } from "../errors.ts";
import { Consumer } from "./consumer.ts";
import type { ConsumerPlan } from "./consumer-options.ts";
import type { ConsumerServices } from "./consumer-services.ts";
import { ConsumerState } from "./consumer-state.ts";
import type { ConsumerStatus } from "./consumer-status.ts";
import { type DeadLetter, DeadLetters } from "./dead-letters.ts";
import type { After } from "./subscription.ts";

/** A consumer as its code holds it. */
export interface ConsumerHandle {
  readonly name: string;
  status(): Promise<ConsumerStatus>;
  /** No further delivery begins; lasts over restarts. */
  pause(): Promise<void>;
  /** Goes on where it is, also when it had stopped. */
  resume(): Promise<void>;
  /** Goes on from another place. @throws CURSOR_EXPIRED · CURSOR_UNKNOWN · CURSOR_INVALID */
  rewind(to: After): Promise<void>;
  /** Forgets where it is, and its dead letters. */
  remove(): Promise<void>;
}

/** How long sinks may take to close, and the store to keep where consumers are, when an app stops. */
const CLOSE_MS = 2_000;

/** The consumers of an app: those its code names, and those that earlier code named and nobody removed. */
export class Consumers {
  readonly #plans = new Map<string, ConsumerPlan>();
  readonly #consumers = new Map<string, Consumer>();
  readonly #loading = new Map<string, Promise<Consumer>>();
  #parts: { readonly services: ConsumerServices; readonly letters: DeadLetters } | undefined;
  #begun = false;

  /** @param opened resolves when the app is open. @throws CONSUMER_EXISTS */
  add(plan: ConsumerPlan, opened: () => Promise<unknown>): ConsumerHandle {
    const { name } = plan;
    if (this.#plans.has(name)) throw new NexusError("CONSUMER_EXISTS", { consumer: name });
    this.#plans.set(name, plan);
    if (this.#begun) this.#beginLate(plan);
    const here = async (): Promise<Consumer> => {
      await opened();
      return await this.get(name);
    };
    return {
      name,
      status: async () => await (await here()).status(),
      pause: async () => await (await here()).pause(),
      resume: async () => await (await here()).resume(),
      rewind: async (to) => await (await here()).rewind(to),
      remove: async () => {
        await opened();
        await this.remove(name);
      },
    };
  }

  /** There is a log. */
  open(services: ConsumerServices): void {
    this.#parts = { services, letters: new DeadLetters(services) };
  }

  /** All that have code begin to deliver. Resolves when each has its place. */
  async begin(): Promise<void> {
    const { services } = this.#open;
    const names = new Set([...(await ConsumerState.names(services.state)), ...this.#plans.keys()]);
    const loaded = await Promise.all([...names].map((name) => this.get(name)));
    this.#begun = true;
    await Promise.all(loaded.map((consumer) => this.#begin(consumer)));
    for (const { name } of loaded.filter((consumer) => !this.#plans.has(consumer.name)))
      services.logger.warn({ consumer: name }, "this consumer is known, and no code here delivers for it yet");
  }

  /** @throws CONSUMER_NOT_FOUND */
  async get(name: string): Promise<Consumer> {
    const known = this.#consumers.get(name);
    if (known !== undefined) return known;
    let loading = this.#loading.get(name);
    if (loading === undefined) {
      loading = this.#load(name).finally(() => this.#loading.delete(name));
      this.#loading.set(name, loading);
    }
    return await loading;
  }

  /** By name. */
  async all(): Promise<readonly ConsumerStatus[]> {
    const consumers = [...this.#consumers.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return await Promise.all(consumers.map((consumer) => consumer.status()));
  }

  /** @returns how many dead letters went with it. @throws CONSUMER_NOT_FOUND */
  async remove(name: string): Promise<number> {
    const consumer = await this.get(name);
    const deadLetters = await consumer.remove();
    this.#consumers.delete(name);
    this.#plans.delete(name);
    return deadLetters;
  }

  get letters(): DeadLetters {
    return this.#open.letters;
  }

  /** @throws CONSUMER_NOT_FOUND · what `Consumer.redeliver` throws */
  async redeliver(name: string, eventId: string): Promise<DeadLetter> {
    return await (await this.get(name)).redeliver(eventId);
  }

  /** What the log must keep: for each consumer, the place it would go on from after a crash. */
  held(): readonly { readonly name: string; readonly position: number }[] {
    return [...this.#consumers.values()].flatMap(({ name, held }) => (held === undefined ? [] : [{ name, position: held }]));
  }

  /** The log is about to forget everything up to a position, although a consumer may still be before it. */
  async release(name: string, floor: number): Promise<void> {
    await this.#consumers.get(name)?.release(floor);
  }

  /** Whether one has something to do now, and how many deliveries are under way. */
  get activity(): { readonly isBehind: boolean; readonly underWay: number } {
    const all = [...this.#consumers.values()];
    return { isBehind: all.some(({ isBehind }) => isBehind), underWay: all.reduce((sum, { underWay }) => sum + underWay, 0) };
  }

  /** Sums for `/health`. */
  async load(): Promise<object> {
    const all = await this.all();
    const count = (status: ConsumerStatus["status"]): number => all.filter((each) => each.status === status).length;
    return {
      active: count("active"),
      paused: count("paused"),
      stopped: count("stopped"),
      inactive: count("inactive"),
      lag: Math.max(0, ...all.filter(({ status }) => status !== "inactive").map(({ lag }) => lag)),
      retrying: all.reduce((sum, { retrying }) => sum + retrying.length, 0),
      deadLetters: all.reduce((sum, { deadLetters }) => sum + deadLetters, 0),
    };
  }

  /** None begins anything more. Resolves when nothing is under way. */
  async drain(): Promise<void> {
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.leave()));
  }

  /** Tells what is under way to end, keeps where each is, closes the sinks. @returns how many deliveries were under way. */
  async stop(reason: Error): Promise<number> {
    const left = this.activity.underWay;
    const patience = AbortSignal.timeout(CLOSE_MS);
    await this.#close(reason, patience);
    const sinks = new Set([...this.#plans.values()].map(({ sink }) => sink));
    await Promise.race([Promise.all([...sinks].map((sink) => this.#closeSink(sink))), aborted(patience)]);
    return left;
  }

  /** A start that failed half-way: all stay, and begin again with the next. */
  async close(reason: Error): Promise<void> {
    await this.#close(reason, AbortSignal.timeout(CLOSE_MS));
    this.#parts = undefined;
  }

  get #open(): { readonly services: ConsumerServices; readonly letters: DeadLetters } {
    if (this.#parts === undefined) throw new NexusError("APP_STOPPED", {});
    return this.#parts;
  }

  async #load(name: string): Promise<Consumer> {
    const { services, letters } = this.#open;
    const consumer = await Consumer.load(services, letters, name, this.#plans.get(name));
    this.#consumers.set(name, consumer);
    return consumer;
  }

  async #begin(consumer: Consumer): Promise<void> {
    const plan = this.#plans.get(consumer.name);
    if (plan !== undefined && !consumer.isHere) await consumer.begin(plan);
  }

  /** One that is named while the app runs; nobody waits for it. */
  #beginLate(plan: ConsumerPlan): void {
    const { logger, counters } = this.#open.services;
    this.get(plan.name)
      .then((consumer) => this.#begin(consumer))
      .catch((error: unknown) => {
        if (NexusError.is(error, "APP_STOPPED")) return;
        counters.add("consumers_stopped");
        logger.error({ error, consumer: plan.name }, "a consumer could not begin");
      });
  }

  async #close(reason: Error, patience: AbortSignal): Promise<void> {
    const all = [...this.#consumers.values()];
    this.#begun = false;
    this.#consumers.clear();
    await Promise.all(all.map((consumer) => consumer.close(reason, patience)));
  }

  async #closeSink(sink: ConsumerPlan["sink"]): Promise<void> {
    try {
      await sink.close?.();
    } catch (error) {
      this.#parts?.services.logger.warn({ error, sink: sink.name }, "a sink could not be closed");
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
