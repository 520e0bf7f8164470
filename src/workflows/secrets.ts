import { createHmac, randomBytes } from "node:crypto";
import { NexusError, type RunError } from "../errors.ts";
import { canonicalJson } from "../events/json.ts";
import { entriesUnder } from "../log/entries.ts";
import type { State } from "../log/state.ts";
import { answered } from "../observability/answered.ts";
import { background, type Clock } from "../observability/clock.ts";
import type { Logger } from "../observability/logger.ts";
import { type Part, REDACTED, type Redaction, redactedError, restored, type Taken } from "./redaction.ts";
import { textParts } from "./text-parts.ts";

const PREFIX = "secrets/";
const FINGERPRINT_KEY = "fingerprint-key";

export interface SecretParts {
  readonly state: State;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly redaction: Redaction | undefined;
}

/**
 * What is not recorded of runs.
 *
 * What their code will need again is kept in State before the event that lacks it is recorded, is given to that code alone, and goes when the run ends.
 */
export class Secrets {
  readonly #parts: SecretParts;
  /** The keys in State, by run. */
  readonly #held = new Map<string, Set<string>>();
  readonly #forgetting = new Set<Promise<void>>();
  readonly #closed = new AbortController();

  private constructor(parts: SecretParts) {
    this.#parts = parts;
  }

  /** Finds what is kept. What belongs to no unfinished run goes: its process ended before it could see to that. */
  static async open(parts: SecretParts, unfinished: readonly string[]): Promise<Secrets> {
    const secrets = new Secrets(parts);
    for await (const { key } of entriesUnder(parts.state, PREFIX)) secrets.#hold(key.split("/")[1] as string, key);
    const open = new Set(unfinished);
    for (const runId of secrets.#held.keys()) if (!open.has(runId)) secrets.forget(runId);
    return secrets;
  }

  /** Whether anything is ever taken out. */
  get redacts(): boolean {
    return this.#parts.redaction !== undefined;
  }

  /** A value as it may be recorded. */
  recordable<T>(part: Part, value: T): T {
    return this.#parts.redaction?.apply(part, value).recorded ?? value;
  }

  recordableError(error: RunError): RunError {
    return redactedError(this.#parts.redaction, error);
  }

  /**
   * As `recordable`, and what that lacks is kept first.
   *
   * @param place of the value in its run, to ask for it by. @param value plain JSON.
   */
  async keep<T>(runId: string, place: string, part: Part, value: T, signal?: AbortSignal): Promise<T> {
    const { recorded, taken } = this.#parts.redaction?.apply(part, value) ?? { recorded: value, taken: [] };
    if (taken.length > 0) await this.#put(runId, place, taken, signal);
    return recorded;
  }

  /** The same for a value of which nothing may be recorded. */
  async keepWhole(runId: string, place: string, value: unknown, signal: AbortSignal): Promise<unknown> {
    await this.#put(runId, place, [[[], value]], signal);
    return REDACTED;
  }

  /** The value as the run's code gets it. @param recorded plain JSON, and the caller's own. */
  async whole<T>(runId: string, place: string, recorded: T, signal: AbortSignal): Promise<T> {
    if (this.#held.get(runId)?.has(keyOf(runId, place, 0)) !== true) return recorded;
    const copy = recorded === undefined ? undefined : (JSON.parse(JSON.stringify(recorded)) as unknown);
    return restored(copy, await this.#get(runId, place, signal)) as T;
  }

  /** The run has ended: nobody needs its secrets any more. */
  forget(runId: string): void {
    const keys = this.#held.get(runId);
    if (keys === undefined) return;
    this.#held.delete(runId);
    const { state, clock, logger } = this.#parts;
    const remove = async (key: string): Promise<void> => await answered(background(clock), this.#closed.signal, () => state.delete(key));
    const forgetting = Promise.all([...keys].map(remove))
      .then(() => {})
      .catch((error: unknown) => logger.warn({ error, runId }, "the secrets of a run that has ended are deleted at the next opening"))
      .finally(() => this.#forgetting.delete(forgetting));
    this.#forgetting.add(forgetting);
  }

  /** Whether something is taken out of these inputs: then they cannot be told from others by what is recorded. */
  takesFrom(inputs: object): boolean {
    return this.#parts.redaction !== undefined && this.#parts.redaction.apply("inputs", inputs).taken.length > 0;
  }

  /** Tells inputs from others without telling what they are, to anyone who has not this store and the idempotency key. */
  async fingerprint(runId: string, idempotencyKey: string, inputs: object): Promise<string> {
    return createHmac("sha256", await this.#fingerprintKey())
      .update(JSON.stringify([runId, idempotencyKey, canonicalJson(inputs)]))
      .digest("base64url");
  }

  /** Resolves when nothing is being deleted any more; a store that does not answer is not waited for. */
  async close(): Promise<void> {
    const over = AbortSignal.timeout(1_000);
    over.addEventListener("abort", () => this.#closed.abort(new NexusError("APP_STOPPED", {})), { once: true });
    await Promise.all(this.#forgetting);
  }

  async #fingerprintKey(): Promise<string> {
    const { state } = this.#parts;
    for (;;) {
      const known = await state.get(FINGERPRINT_KEY);
      if (known !== undefined) return known.value as string;
      try {
        const made = randomBytes(32).toString("base64url");
        await state.put(FINGERPRINT_KEY, made, { revision: 0 });
        return made;
      } catch (error) {
        // Another call was first.
        if (!NexusError.is(error, "STATE_CONFLICT")) throw error;
      }
    }
  }

  async #put(runId: string, place: string, taken: Taken, signal: AbortSignal | undefined): Promise<void> {
    const { state, clock } = this.#parts;
    const parts = textParts(JSON.stringify(taken));
    await Promise.all(
      parts.map(async (text, n) => {
        const key = keyOf(runId, place, n);
        // A new run's caller is told that the store is away; a run that goes on waits for it.
        const put = async (): Promise<unknown> => {
          this.#hold(runId, key);
          return await state.put(key, { text, last: n === parts.length - 1 });
        };
        await (signal === undefined ? put() : answered(clock, signal, put));
      }),
    );
  }

  async #get(runId: string, place: string, signal: AbortSignal): Promise<Taken> {
    const { state, clock } = this.#parts;
    const texts: string[] = [];
    for (let last = false; !last; ) {
      const entry = await answered(clock, signal, () => state.get(keyOf(runId, place, texts.length)));
      if (entry === undefined) throw new NexusError("RUN_LOST", { runId }, { detail: "What was not recorded of the run is gone." });
      const part = entry.value as { readonly text: string; readonly last: boolean };
      texts.push(part.text);
      last = part.last;
    }
    return JSON.parse(texts.join("")) as Taken;
  }

  #hold(runId: string, key: string): void {
    const keys = this.#held.get(runId);
    if (keys === undefined) this.#held.set(runId, new Set([key]));
    else keys.add(key);
  }
}

function keyOf(runId: string, place: string, part: number): string {
  return `${PREFIX}${runId}/${Buffer.from(place).toString("base64url")}/${part}`;
}
