import { RUN_ENDS, RUN_LIFE } from "../events/built-in.ts";
import type { NexusEvent } from "../events/event.ts";
import { type Filter, parseFilter } from "../events/filter.ts";
import { entriesUnder } from "../log/entries.ts";
import { KeptFold, type KeptFoldParts } from "../log/kept-fold.ts";
import { OPEN_RUNS_CURSOR } from "../log/kept-places.ts";

const PREFIX = "open/";
const LIFE: Filter = parseFilter({ type: RUN_LIFE });

export interface OpenRunsParts extends Pick<KeptFoldParts, "log" | "feed" | "state" | "logger"> {
  /** Is told of each event in the life of a run, in order. */
  heard(event: NexusEvent): void;
}

/**
 * Knows which runs have begun and not ended, without reading the log from its beginning.
 *
 * It folds `workflow.*` from the feed, and keeps a key in State for each unfinished run that is a few seconds old. A short run never touches State.
 */
export class OpenRuns {
  readonly #parts: OpenRunsParts;
  /** Each with the sequence of its first event. */
  readonly #open = new Map<string, number>();
  /** Runs with a key in State. */
  readonly #written = new Set<string>();
  #kept: KeptFold | undefined;

  private constructor(parts: OpenRunsParts) {
    this.#parts = parts;
  }

  /** Reads what was saved, and folds what came after. */
  static async open(parts: OpenRunsParts): Promise<OpenRuns> {
    const runs = new OpenRuns(parts);
    await runs.#load();
    runs.#kept = await KeptFold.open({
      ...parts,
      what: "unfinished runs",
      cursorKey: OPEN_RUNS_CURSOR,
      filter: LIFE,
      fold: (event) => runs.#fold(event),
      save: () => runs.#save(),
    });
    return runs;
  }

  /** Runs that have begun and not ended. */
  get ids(): readonly string[] {
    return [...this.#open.keys()];
  }

  /** Those whose first event stands before a position, each with the place just before it. */
  begunBefore(position: number): readonly { readonly runId: string; readonly position: number }[] {
    return [...this.#open].filter(([, first]) => first <= position).map(([runId, first]) => ({ runId, position: first - 1 }));
  }

  /** Resolves when it has folded everything the feed holds now. @throws what kept it from reading that */
  async caughtUp(): Promise<void> {
    await this.#kept?.caughtUp();
  }

  async close(): Promise<void> {
    await this.#kept?.close();
  }

  async #load(): Promise<void> {
    for await (const { key, value } of entriesUnder(this.#parts.state, PREFIX, 1000)) {
      const runId = key.slice(PREFIX.length);
      this.#written.add(runId);
      this.#open.set(runId, value as number);
    }
  }

  #fold(event: NexusEvent): void {
    if (event.runId === undefined) return;
    if (RUN_ENDS.includes(event.type)) this.#open.delete(event.runId);
    else if (!this.#open.has(event.runId)) this.#open.set(event.runId, event.sequence);
    this.#parts.heard(event);
  }

  async #save(): Promise<boolean> {
    const { state } = this.#parts;
    const fresh = [...this.#open].filter(([runId]) => !this.#written.has(runId));
    const ended = [...this.#written].filter((runId) => !this.#open.has(runId));
    await Promise.all([
      ...fresh.map(([runId, first]) => state.put(PREFIX + runId, first)),
      ...ended.map((runId) => state.delete(PREFIX + runId)),
    ]);
    for (const [runId] of fresh) this.#written.add(runId);
    for (const runId of ended) this.#written.delete(runId);
    return fresh.length + ended.length > 0;
  }
}
