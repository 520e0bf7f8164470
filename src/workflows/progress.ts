import { NexusError } from "../errors.ts";
import type { Clock } from "../observability/clock.ts";

const EVERY_MS = 100;

/** What a run reports of its progress: the first at once, then at most one in 100 ms, always the latest. */
export class Progress {
  readonly #record: (data: { readonly percentage: number; readonly step?: string }) => void;
  #latest: { readonly percentage: number; readonly step?: string } | undefined;
  readonly #clock: Clock;
  /** Until the next one may be recorded. */
  #pause: AbortController | undefined;

  constructor(clock: Clock, record: (data: { readonly percentage: number; readonly step?: string }) => void) {
    this.#clock = clock;
    this.#record = record;
  }

  /** @throws OPTION_INVALID for what is not a number from 0 to 100. */
  report(percentage: number, step: string | undefined, replaying: boolean): void {
    if (typeof percentage !== "number" || !(percentage >= 0 && percentage <= 100)) {
      throw new NexusError("OPTION_INVALID", { option: "percentage", reason: `${String(percentage)} is not a number from 0 to 100` });
    }
    if (replaying) return;
    this.#latest = { percentage, ...(step !== undefined && { step }) };
    if (this.#pause === undefined) this.#next();
  }

  /** Records what is still unrecorded: before the run's end. */
  flush(): void {
    const latest = this.#latest;
    this.drop();
    if (latest !== undefined) this.#record(latest);
  }

  /** Forgets what is unrecorded. */
  drop(): void {
    this.#pause?.abort();
    this.#pause = undefined;
    this.#latest = undefined;
  }

  #next(): void {
    const latest = this.#latest;
    this.drop();
    if (latest === undefined) return;
    this.#record(latest);
    const pause = new AbortController();
    this.#pause = pause;
    this.#clock.sleep(EVERY_MS, pause.signal).then(
      () => this.#next(),
      () => {}, // Flushed or dropped before.
    );
  }
}
