import { NexusError, type RunError } from "../errors.ts";
import type { Cursor } from "../events/event.ts";
import type { JsonObject } from "../events/json.ts";
import { sequenceIn } from "../log/cursor.ts";
import { entriesUnder } from "../log/entries.ts";
import { CONSUMERS } from "../log/kept-places.ts";
import type { State } from "../log/state.ts";
import { answered } from "../observability/answered.ts";
import type { Clock } from "../observability/clock.ts";

/** What is kept of a consumer, under one key: only who holds the key's newest revision can move its cursor. */
export interface ConsumerValue {
  readonly name: string;
  /** Everything up to here is delivered or dead, or does not match. */
  readonly cursor: Cursor;
  /** `source` of the process that delivers, or did so last. */
  readonly node: string;
  readonly paused: boolean;
  /** Why it does not go on by itself. */
  readonly stopped?: StopReason;
  /** The filter and the sink, as its code said last. */
  readonly filter: JsonObject;
  readonly sink: string;
  /** How often it was sent to another place: what it says of an event it says once in each. */
  readonly round: number;
  /** The events whose delivery has failed, and is tried again. */
  readonly trying: readonly Trying[];
  readonly totals: Totals;
}

/** It stopped at an event that it could not deliver. */
export interface StopReason {
  readonly error: RunError;
  readonly eventId: string;
}

export interface Trying {
  readonly eventId: string;
  readonly type: string;
  readonly sequence: number;
  /** Tries made. */
  readonly attempts: number;
  /** Milliseconds since the epoch. */
  readonly nextRetryAt: number;
  /** Of the last tries, 20 at most. */
  readonly errors: readonly DeliveryError[];
}

/** Why a try failed. */
export interface DeliveryError {
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly error: RunError;
}

export interface Totals {
  readonly delivered: number;
  /** Tries that failed. */
  readonly failures: number;
  readonly deadLettered: number;
  /** Events that the log forgot before it got to them. */
  readonly lost: number;
}

interface Parts {
  readonly state: State;
  readonly clock: Clock;
}

/** How long after a delivery the cursor is kept, at the latest, and how often at most: a crash repeats what was delivered since. */
const SAVE_MS = 100;
/** The same where it only passed what does not match. */
const SAVE_SKIPPED_MS = 5_000;

/** The key of one consumer. */
export class ConsumerState {
  readonly #parts: Parts;
  readonly #key: string;
  readonly #signal: AbortSignal;
  #stored: ConsumerValue;
  #revision: number;
  #savedAt = Number.NEGATIVE_INFINITY;
  #timer: { readonly at: number; readonly timeout: NodeJS.Timeout } | undefined;
  #next: Promise<void> | undefined;
  /** Never rejects. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(parts: Parts, stored: ConsumerValue, revision: number, signal: AbortSignal) {
    this.#parts = parts;
    this.#key = keyOf(stored.name);
    this.#signal = signal;
    this.#stored = stored;
    this.#revision = revision;
  }

  /** @param first what a name never seen before begins with; without, it is no consumer. @param signal ends waiting for a store that does not answer. */
  static async load(
    parts: Parts,
    name: string,
    first: (() => Promise<ConsumerValue>) | undefined,
    signal: AbortSignal,
  ): Promise<ConsumerState | undefined> {
    const found = await parts.state.get(keyOf(name));
    if (found !== undefined) return new ConsumerState(parts, found.value as ConsumerValue, found.revision, signal);
    if (first === undefined) return undefined;
    const value = await first();
    return new ConsumerState(parts, value, await parts.state.put(keyOf(name), value, { revision: 0 }), signal);
  }

  /** The names of all. */
  static async names(state: State): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const { value } of entriesUnder(state, CONSUMERS)) names.push((value as ConsumerValue).name);
    return names;
  }

  /** As it is kept: a crash goes back to this. */
  get stored(): ConsumerValue {
    return this.#stored;
  }

  /** Where a crash goes back to. */
  get position(): number {
    return sequenceIn(this.#stored.cursor);
  }

  /**
   * Keeps what `value` gives when its turn has come: those who ask while another write is under way share the next.
   *
   * @throws CONSUMER_TAKEN when another process has written since.
   */
  save(value: () => Promise<ConsumerValue>): Promise<void> {
    this.#savedAt = performance.now();
    this.#clearTimer();
    if (this.#next === undefined) {
      const write = this.#writing.then(async () => {
        this.#next = undefined;
        await this.#put(await value());
      });
      this.#next = write;
      this.#writing = write.catch(() => {});
    }
    return this.#next;
  }

  /** Something has changed that `save` is to keep: when it is time to, if nothing else does so before. @param skipped nothing was delivered. */
  saveSoon(skipped: boolean, save: () => void): void {
    const now = performance.now();
    const at = skipped ? now + SAVE_SKIPPED_MS : this.#savedAt + SAVE_MS;
    if (at <= now) return save();
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#clearTimer();
    this.#timer = { at, timeout: setTimeout(save, at - now).unref() };
  }

  /** What is delivered next is to be kept at once. */
  hurry(): void {
    this.#savedAt = Number.NEGATIVE_INFINITY;
  }

  /** Nothing is kept any more. */
  close(): void {
    this.#clearTimer();
  }

  /** @throws CONSUMER_TAKEN */
  async remove(): Promise<void> {
    this.#clearTimer();
    await this.#writing;
    await this.#held((revision) => this.#parts.state.delete(this.#key, { revision }));
  }

  async #put(value: ConsumerValue): Promise<void> {
    this.#revision = await this.#held((revision) => this.#parts.state.put(this.#key, value, { revision }));
    this.#stored = value;
  }

  #clearTimer(): void {
    clearTimeout(this.#timer?.timeout);
    this.#timer = undefined;
  }

  /** Makes a change that only the holder of the newest revision can make. */
  async #held<T>(change: (revision: number) => Promise<T>): Promise<T> {
    return await answered(this.#parts.clock, this.#signal, async () => {
      try {
        return await change(this.#revision);
      } catch (error) {
        if (!NexusError.is(error, "STATE_CONFLICT")) throw error;
        return await change(await this.#ownRevision());
      }
    });
  }

  /** The revision of a write of this process whose outcome was unknown. @throws CONSUMER_TAKEN when that of another is there. */
  async #ownRevision(): Promise<number> {
    const { name, node } = this.#stored;
    const there = await this.#parts.state.get(this.#key);
    const holder = (there?.value as ConsumerValue | undefined)?.node;
    if (there === undefined || holder !== node)
      throw new NexusError("CONSUMER_TAKEN", { consumer: name, ...(holder !== undefined && { node: holder }) });
    return there.revision;
  }
}

function keyOf(name: string): string {
  return CONSUMERS + Buffer.from(name).toString("base64url");
}
