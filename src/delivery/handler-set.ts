import type { Filter } from "../events/filter.ts";
import { type Handler, HandlerReader, type HandlerSetup } from "./handlers.ts";

const TIMEOUT_MS = 30_000;

interface Registered {
  readonly filter: Filter;
  readonly handler: Handler<never>;
  readonly timeoutMs: number;
  reader: HandlerReader | undefined;
}

/** The handlers of an app. They may be registered before there is a log; then they read from where it is opened. */
export class Handlers {
  readonly #handlers = new Set<Registered>();
  #setup: HandlerSetup | undefined;

  /** @returns a function that removes it. */
  add(
    filter: Filter,
    handler: Handler<never>,
    options: { readonly timeoutMs?: number | undefined; readonly signal?: AbortSignal | undefined },
  ): () => void {
    const registered: Registered = { filter, handler, timeoutMs: options.timeoutMs ?? TIMEOUT_MS, reader: undefined };
    const off = (): void => {
      registered.reader?.remove();
      this.#handlers.delete(registered);
      options.signal?.removeEventListener("abort", off);
    };
    if (options.signal?.aborted === true) return off;
    options.signal?.addEventListener("abort", off, { once: true });
    this.#handlers.add(registered);
    if (this.#setup !== undefined) this.#begin(registered, this.#setup);
    return off;
  }

  /** The log is open: all handlers read from where it stands. */
  open(setup: HandlerSetup): void {
    this.#setup = setup;
    for (const registered of this.#handlers) this.#begin(registered, setup);
  }

  /** The log is closed: all stay, and read again when it is opened. */
  close(): void {
    this.#setup = undefined;
    for (const registered of this.#handlers) {
      registered.reader?.remove();
      registered.reader = undefined;
    }
  }

  /** Resolves when all are through everything up to the position. */
  async settled(position: number): Promise<void> {
    await Promise.all([...this.#handlers].map(async ({ reader }) => await reader?.settled(position)));
  }

  /** No further calls; those that run are told to end. @returns how many there were. */
  stop(reason: unknown): number {
    let left = 0;
    for (const { reader } of this.#handlers) {
      left += reader?.running ?? 0;
      reader?.remove();
      reader?.abort(reason);
    }
    this.#handlers.clear();
    return left;
  }

  /** The greatest lag of any of them, in events; and calls that have not ended. */
  get load(): { readonly lag: number; readonly running: number } {
    const readers = [...this.#handlers].flatMap(({ reader }) => (reader === undefined ? [] : [reader]));
    return { lag: Math.max(0, ...readers.map(({ lag }) => lag)), running: readers.reduce((sum, { running }) => sum + running, 0) };
  }

  #begin(registered: Registered, setup: HandlerSetup): void {
    registered.reader = new HandlerReader(setup, setup.position(), registered.filter, registered.handler, registered.timeoutMs);
  }
}
