import { NexusError } from "../errors.ts";
import type { NewEvent } from "../events/event.ts";
import { background, type Clock } from "../observability/clock.ts";
import type { Counters } from "../observability/counters.ts";

const EVERY_MS = 60_000;
/** Of so many at a time it is known who they are; the rest are counted together. */
const MOST_KNOWN = 10_000;

/** Who was refused, as far as that is known, and why. */
export interface Denial {
  readonly code: string;
  readonly scope?: string;
  /** Of whoever is nobody. */
  readonly address?: string;
}

export interface DenialParts {
  readonly clock: Clock;
  readonly counters: Counters;
  record(event: Pick<NewEvent, "type" | "data">): Promise<void>;
}

/** Tells operators who was refused: at most once a minute of the same, with how often. */
export class Denials {
  readonly #parts: DenialParts;
  /** What was not told yet. */
  readonly #counts = new Map<string, number>();

  constructor(parts: DenialParts) {
    this.#parts = parts;
  }

  /** @param who the caller, where it is known. */
  add(denial: Denial, who: string): void {
    this.#parts.counters.add(`denied_${denial.code.toLowerCase()}`);
    const known = JSON.stringify([who, denial]);
    const key = this.#counts.has(known) || this.#counts.size < MOST_KNOWN ? known : "";
    const count = this.#counts.get(key);
    if (count !== undefined) {
      this.#counts.set(key, count + 1);
      return;
    }
    this.#counts.set(key, 0);
    const told = key === "" ? { code: denial.code } : denial;
    this.#tell(told, 1);
    void this.#later(key, told);
  }

  /** What came meanwhile is told together, until for a minute nothing did. */
  async #later(key: string, denial: Denial): Promise<void> {
    try {
      for (;;) {
        await background(this.#parts.clock).sleep(EVERY_MS);
        const count = this.#counts.get(key) ?? 0;
        if (count === 0) break;
        this.#counts.set(key, 0);
        this.#tell(denial, count);
      }
    } finally {
      this.#counts.delete(key);
    }
  }

  #tell(denial: Denial, count: number): void {
    this.#parts.record({ type: "access.denied", data: { ...denial, count } }).catch((error: unknown) => {
      // Whoever is refused is refused all the same; that it could not be told is counted, and the store tells the rest.
      if (!NexusError.is(error, "APP_STOPPED")) this.#parts.counters.add("denials_untold");
    });
  }
}
