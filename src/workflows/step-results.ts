import { NexusError } from "../errors.ts";
import { utf8Bytes } from "../events/json.ts";
import type { State } from "../log/state.ts";

/** What stands in the event itself. */
const INLINE_BYTES = 32 * 1024;
/** Characters in a part: escaped twice and in UTF-8, it still fits a value of State. */
const PART_CHARACTERS = 100_000;

/** Large results of a run's steps: kept in State, in parts, before the event that tells of them. */
export class StepResults {
  readonly #state: State;
  readonly #runId: string;

  constructor(state: State, runId: string) {
    this.#state = state;
    this.#runId = runId;
  }

  /** @param text JSON, or `undefined` for no value. @returns what `step.completed` says of the result. */
  async keep(step: string, text: string | undefined): Promise<{ readonly result?: unknown; readonly resultBytes?: number }> {
    if (text === undefined) return {};
    const resultBytes = utf8Bytes(text);
    if (resultBytes <= INLINE_BYTES) return { result: JSON.parse(text) as unknown };
    const puts: Promise<unknown>[] = [];
    for (let part = 0; part * PART_CHARACTERS < text.length; part++) {
      puts.push(this.#state.put(this.#key(step, part), text.slice(part * PART_CHARACTERS, (part + 1) * PART_CHARACTERS)));
    }
    await Promise.all(puts);
    return { resultBytes };
  }

  /** @throws RUN_LOST when it is not there any more. */
  async get(step: string): Promise<unknown> {
    let text = "";
    for (let part = 0; ; part++) {
      const entry = await this.#state.get(this.#key(step, part));
      if (entry === undefined) break;
      text += entry.value as string;
    }
    if (text === "") throw new NexusError("RUN_LOST", { runId: this.#runId }, { detail: `The result of step ${step} is gone.` });
    return JSON.parse(text) as unknown;
  }

  #key(step: string, part: number): string {
    return `results/${this.#runId}/${Buffer.from(step).toString("base64url")}/${part}`;
  }
}
