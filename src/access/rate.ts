import type { Clock } from "../observability/clock.ts";

const MOST_CALLERS = 100_000;

/**
 * How often each caller may call: so many times a second, and as a burst what it has not used for two.
 *
 * The generic cell rate algorithm: of each caller only the time is kept at which it would have used up what it was given.
 *
 * @see ITU-T I.371, Annex A
 */
export class Rate {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #burstMs: number;
  readonly #usedUntil = new Map<string, number>();

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#everyMs = 1_000 / perSecond;
    this.#burstMs = 2_000;
  }

  /** @returns 0 for a call that may be made now, else in how many milliseconds it may. */
  take(caller: string): number {
    const now = this.#clock.now();
    const before = this.#usedUntil.get(caller) ?? 0;
    // Further ahead nobody gets: the clock was set back.
    const used = (before - now > this.#burstMs ? now : Math.max(now, before)) + this.#everyMs;
    if (used - now > this.#burstMs) return Math.ceil(used - now - this.#burstMs);
    this.#usedUntil.delete(caller);
    this.#usedUntil.set(caller, used);
    if (this.#usedUntil.size > MOST_CALLERS) this.#usedUntil.delete(this.#usedUntil.keys().next().value as string);
    return 0;
  }
}
