import { type Clock, until } from "../observability/clock.ts";

const AGAIN_MS = 1_000;

export interface ExpiryParts {
  readonly clock: Clock;
  /** When the next one is due; `undefined` when there is none. */
  next(): number | undefined;
  /** Ends what is due. @returns whether it could. */
  end(): Promise<boolean>;
}

/** Wakes when something is due: one sleeper for all of them. It keeps no process alive. */
export class Expiry {
  readonly #parts: ExpiryParts;
  readonly #clock: Clock;
  #sleep = new AbortController();
  #until = Number.POSITIVE_INFINITY;
  #ending: Promise<void> | undefined;
  #closed = false;

  constructor(parts: ExpiryParts) {
    this.#parts = parts;
    this.#clock = parts.clock;
    this.#rest(0);
  }

  /** Something is due then. What falls due later than was thought needs no telling. */
  due(at: number): void {
    if (this.#closed || this.#ending !== undefined || at >= this.#until) return;
    this.#until = at;
    this.#sleep.abort();
    this.#sleep = new AbortController();
    const { signal } = this.#sleep;
    until(this.#clock, at, signal).then(
      () => {
        if (!signal.aborted) this.#wake();
      },
      () => {}, // Something else is due before, or it was closed.
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sleep.abort();
    await this.#ending;
  }

  #wake(): void {
    if (this.#closed) return;
    this.#ending = this.#parts.end().then((ended) => {
      this.#ending = undefined;
      this.#until = Number.POSITIVE_INFINITY;
      // What could not be ended is not to be tried without pause.
      this.#rest(ended ? 0 : AGAIN_MS);
    });
  }

  #rest(leastMs: number): void {
    const next = this.#parts.next();
    if (next !== undefined) this.due(Math.max(next, this.#clock.now() + leastMs));
  }
}
