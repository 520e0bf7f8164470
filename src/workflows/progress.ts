import { NexusError } from "../errors.ts";

const EVERY_MS = 100;

/** What a run reports of its progress: the first at once, then at most one in 100 ms, always the latest. */
export class Progress {
  readonly #record: (data: { readonly percentage: number; readonly step?: string }) => void;
  #latest: { readonly percentage: number; readonly step?: string } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(record: (data: { readonly percentage: number; readonly step?: string }) => void) {
    this.#record = record;
  }

  /** @throws OPTION_INVALID for what is not a number from 0 to 100. */
  report(percentage: number, step: string | undefined, replaying: boolean): void {
    if (typeof percentage !== "number" || !(percentage >= 0 && percentage <= 100)) {
      throw new NexusError("OPTION_INVALID", { option: "percentage", reason: `${String(percentage)} is not a number from 0 to 100` });
    }
    if (replaying) return;
    this.#latest = { percentage, ...(step !== undefined && { step }) };
    if (this.#timer !== undefined) return;
    this.#next();
  }

  /** Records what is still unrecorded: before the run's end. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const latest = this.#latest;
    this.#latest = undefined;
    if (latest !== undefined) this.#record(latest);
  }

  /** Forgets what is unrecorded. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#latest = undefined;
  }

  #next(): void {
    const latest = this.#latest;
    this.#latest = undefined;
    this.#timer = undefined;
    if (latest === undefined) return;
    this.#record(latest);
    this.#timer = setTimeout(() => this.#next(), EVERY_MS);
    this.#timer.unref();
  }
}
