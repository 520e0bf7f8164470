import type { NexusEvent } from "../events/event.ts";
import type { Filter } from "../events/filter.ts";
import type { Logger } from "../observability/logger.ts";
import { positionOf } from "./cursor.ts";
import type { Feed } from "./feed.ts";
import type { Log } from "./log.ts";
import type { State } from "./state.ts";

const SAVE_EVERY_MS = 5_000;

export interface KeptFoldParts {
  readonly log: Log;
  readonly feed: Feed;
  readonly state: State;
  readonly logger: Logger;
  /** What is folded, in words. */
  readonly what: string;
  /** The key of State where its place is kept. */
  readonly cursorKey: string;
  readonly filter: Filter;
  /** Takes one more event, in log order. After a crash events come again that were taken before. */
  fold(event: NexusEvent): void;
  /** Puts into State whatever has changed by the call. @returns whether anything had. */
  save(): Promise<boolean>;
}

/**
 * Follows the log to fold it, and knows at the next opening where to go on: opening does not read the log from its beginning.
 *
 * Now and then it saves what has changed, and only then moves its cursor to where it had folded to. A crash in between only repeats a part of the fold.
 */
export class KeptFold {
  readonly #parts: KeptFoldParts;
  readonly #stopListening: () => void;
  readonly #timer: NodeJS.Timeout;
  #position: number;
  #savedPosition: number;
  /** Resolves to what went wrong, if anything did. */
  #reading: Promise<{ readonly error: unknown } | undefined> | undefined;
  #saving: Promise<void> | undefined;

  private constructor(parts: KeptFoldParts, position: number) {
    this.#parts = parts;
    this.#position = position;
    this.#savedPosition = position;
    this.#stopListening = parts.feed.onAdvance(() => this.#read());
    this.#timer = setInterval(() => {
      this.flush().catch((error: unknown) => parts.logger.warn({ error }, `${parts.what} were not saved; it is tried again`));
    }, SAVE_EVERY_MS);
    this.#timer.unref();
  }

  /** Folds what came after its place. */
  static async open(parts: KeptFoldParts): Promise<KeptFold> {
    const saved = (await parts.state.get(parts.cursorKey))?.value as string | undefined;
    // A cursor that cannot be followed (a file put back to an older copy) costs time, not facts: the fold starts at the beginning.
    const position = await positionOf(parts.log, saved ?? "earliest").catch(() => positionOf(parts.log, "earliest"));
    const fold = new KeptFold(parts, position);
    try {
      await fold.caughtUp();
    } catch (error) {
      fold.#stop();
      throw error;
    }
    return fold;
  }

  /** Where it has folded to. */
  get position(): number {
    return this.#position;
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
    while (this.#saving !== undefined) await this.#saving;
    this.#saving = this.#save().finally(() => (this.#saving = undefined));
    await this.#saving;
  }

  async close(): Promise<void> {
    this.#stop();
    // What is not read or saved is folded again at the next opening.
    await this.caughtUp().catch(() => {});
    await this.flush().catch((error: unknown) => this.#parts.logger.warn({ error }, `${this.#parts.what} were not saved at stop`));
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#stopListening();
  }

  #read(): void {
    if (this.#reading !== undefined) return;
    this.#reading = this.#readOn()
      .catch((error: unknown) => {
        this.#parts.logger.error({ error }, `${this.#parts.what} could not be read from the log`);
        return { error };
      })
      .finally(() => (this.#reading = undefined));
  }

  async #readOn(): Promise<undefined> {
    for (;;) {
      const batch = await this.#parts.feed.read(this.#position, this.#parts.filter);
      if (batch === undefined) return undefined;
      for (const { event } of batch.events) this.#parts.fold(event);
      this.#position = batch.next;
    }
  }

  async #save(): Promise<void> {
    const position = this.#position;
    // Both at once: what is saved is what was folded up to there.
    const changed = await this.#parts.save();
    if (!changed && position === this.#savedPosition) return;
    await this.#parts.state.put(this.#parts.cursorKey, await this.#parts.feed.cursorAt(position));
    this.#savedPosition = position;
  }
}
