import { RUN_ENDS, RUN_LIFE } from "../events/built-in.ts";
import type { NexusEvent } from "../events/event.ts";
import { type Filter, parseFilter } from "../events/filter.ts";
import { positionOf } from "../log/cursor.ts";
import type { Feed } from "../log/feed.ts";
import type { Log } from "../log/log.ts";
import type { State } from "../log/state.ts";
import type { Logger } from "../observability/logger.ts";

const FLUSH_EVERY_MS = 5_000;
const CURSOR_KEY = "open-cursor";
const PREFIX = "open/";
const LIFE: Filter = parseFilter({ type: RUN_LIFE });

export interface OpenRunsParts {
  readonly log: Log;
  readonly feed: Feed;
  readonly state: State;
  readonly logger: Logger;
  /** Is told of each event in the life of a run, in order. */
  heard(event: NexusEvent): void;
}

/**
 * Knows which runs have begun and not ended, without reading the log from its beginning.
 *
 * It folds `workflow.*` from the feed. Now and then it writes a key for each unfinished run that has none, deletes the keys of those that have ended, and only then
 * moves its cursor to where it has folded to. A short run never touches State; a crash between any two of these writes only repeats a part of the fold.
 */
export class OpenRuns {
  readonly #parts: OpenRunsParts;
  /** Each with the sequence of its first event. */
  readonly #open = new Map<string, number>();
  /** Runs with a key in State. */
  readonly #written: Set<string>;
  readonly #stopListening: () => void;
  readonly #timer: NodeJS.Timeout;
  #position: number;
  #writtenPosition: number;
  /** Resolves to what went wrong, if anything did. */
  #reading: Promise<{ readonly error: unknown } | undefined> | undefined;
  #flushing: Promise<void> | undefined;

  private constructor(parts: OpenRunsParts, position: number, written: ReadonlyMap<string, number>) {
    this.#parts = parts;
    this.#position = position;
    this.#writtenPosition = position;
    this.#written = new Set(written.keys());
    for (const [runId, first] of written) this.#open.set(runId, first);
    this.#stopListening = parts.feed.onAdvance(() => this.#read());
    this.#timer = setInterval(() => {
      this.flush().catch((error: unknown) => parts.logger.warn({ error }, "the list of unfinished runs was not saved; it is tried again"));
    }, FLUSH_EVERY_MS);
    this.#timer.unref();
  }

  /** Reads what was saved, and folds what came after. */
  static async open(parts: OpenRunsParts): Promise<OpenRuns> {
    const saved = (await parts.state.get(CURSOR_KEY))?.value as string | undefined;
    const written = new Map<string, number>();
    for (let after: string | undefined; ; ) {
      const page = await parts.state.list(PREFIX, { limit: 1000, ...(after !== undefined && { after }) });
      for (const { key, value } of page.entries) written.set(key.slice(PREFIX.length), value as number);
      after = page.next;
      if (after === undefined) break;
    }
    // A cursor that cannot be followed (a file put back to an older copy) costs time, not runs: the fold starts at the beginning.
    const position = await positionOf(parts.log, saved ?? "earliest").catch(() => positionOf(parts.log, "earliest"));
    const runs = new OpenRuns(parts, position, written);
    try {
      await runs.caughtUp();
    } catch (error) {
      runs.#stop();
      throw error;
    }
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
    this.#read();
    while (this.#reading !== undefined) {
      const failed = await this.#reading;
      if (failed !== undefined) throw failed.error;
    }
  }

  /** Saves what has changed. */
  async flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    this.#flushing = this.#write().finally(() => (this.#flushing = undefined));
    await this.#flushing;
  }

  async close(): Promise<void> {
    this.#stop();
    // What is not read or saved is folded again at the next opening.
    await this.caughtUp().catch(() => {});
    await this.flush().catch((error: unknown) => this.#parts.logger.warn({ error }, "the list of unfinished runs was not saved at stop"));
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#stopListening();
  }

  #read(): void {
    if (this.#reading !== undefined) return;
    this.#reading = this.#readOn()
      .catch((error: unknown) => {
        this.#parts.logger.error({ error }, "the list of unfinished runs could not read the log");
        return { error };
      })
      .finally(() => (this.#reading = undefined));
  }

  async #readOn(): Promise<undefined> {
    for (;;) {
      const batch = await this.#parts.feed.read(this.#position, LIFE);
      if (batch === undefined) return undefined;
      for (const { event } of batch.events) this.#fold(event);
      this.#position = batch.next;
    }
  }

  #fold(event: NexusEvent): void {
    if (event.runId === undefined) return;
    if (RUN_ENDS.includes(event.type)) this.#open.delete(event.runId);
    else if (!this.#open.has(event.runId)) this.#open.set(event.runId, event.sequence);
    this.#parts.heard(event);
  }

  async #write(): Promise<void> {
    const { state, feed } = this.#parts;
    const position = this.#position;
    const fresh = [...this.#open].filter(([runId]) => !this.#written.has(runId));
    const ended = [...this.#written].filter((runId) => !this.#open.has(runId));
    if (position === this.#writtenPosition && fresh.length === 0 && ended.length === 0) return;
    await Promise.all([
      ...fresh.map(([runId, first]) => state.put(PREFIX + runId, first)),
      ...ended.map((runId) => state.delete(PREFIX + runId)),
    ]);
    for (const [runId] of fresh) this.#written.add(runId);
    for (const runId of ended) this.#written.delete(runId);
    await state.put(CURSOR_KEY, await feed.cursorAt(position));
    this.#writtenPosition = position;
  }
}
