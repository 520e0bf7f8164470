import { NexusError } from "../errors.ts";
import { utf8Bytes } from "../events/json.ts";
import type { State } from "../log/state.ts";
import { answered } from "../observability/answered.ts";
import type { Clock } from "../observability/clock.ts";
import { textParts } from "./text-parts.ts";

/** What stands in the event itself. */
const INLINE_BYTES = 32 * 1024;

/** Large results of a run's steps: kept in State, in parts, before the event that tells of them. */
export class StepResults {
  readonly #state: State;
  readonly #clock: Clock;
  readonly #runId: string;

  constructor(state: State, clock: Clock, runId: string) {
    this.#state = state;
    this.#clock = clock;
    this.#runId = runId;
  }

  /** @param text JSON, or `undefined` for no value. @returns what `step.completed` says of the result. */
  async keep(
    step: string,
    text: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly result?: unknown; readonly resultBytes?: number }> {
    if (text === undefined) return {};
    const resultBytes = utf8Bytes(text);
    if (resultBytes <= INLINE_BYTES) return { result: JSON.parse(text) as unknown };
    const puts: Promise<unknown>[] = [];
    for (const [part, value] of textParts(text).entries()) {
      puts.push(answered(this.#clock, signal, () => this.#state.put(this.#key(step, part), value)));
    }
    await Promise.all(puts);
    return { resultBytes };
  }

  /** @param bytes of it: a try that its process did not survive may have left more parts behind. @throws RUN_LOST when it is not there any more. */
  async get(step: string, bytes: number, signal: AbortSignal): Promise<unknown> {
    const parts: string[] = [];
    for (let left = bytes; left > 0; ) {
      const entry = await answered(this.#clock, signal, () => this.#state.get(this.#key(step, parts.length)));
      if (entry === undefined) throw new NexusError("RUN_LOST", { runId: this.#runId }, { detail: `The result of step ${step} is gone.` });
      parts.push(entry.value as string);
      left -= utf8Bytes(entry.value as string);
    }
    return JSON.parse(parts.join("")) as unknown;
  }

  #key(step: string, part: number): string {
    return `results/${this.#runId}/${Buffer.from(step).toString("base64url")}/${part}`;
  }
}
