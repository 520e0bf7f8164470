import { NexusError } from "../errors.ts";
import type { NewEvent } from "../events/event.ts";
import type { Log, Position } from "./log.ts";

/** About what an event takes beyond its data. */
const ENVELOPE_BYTES = 256;
const MOST_WAITING_BYTES = 32 * 1024 * 1024;

/** The way into the log: bounds what waits for a commit, and knows how far this process has seen the log grow. */
export class Recorder {
  readonly #log: Log;
  #waitingBytes = 0;
  #newest: number;

  constructor(log: Log, position: number) {
    this.#log = log;
    this.#newest = position;
  }

  /** The position after everything that was acknowledged to this process. */
  get newest(): number {
    return this.#newest;
  }

  /** As Log.append. @param options.bytes of its data: what it adds to those that wait; none for events of runs that were accepted. @throws OVERLOADED when 32 MiB wait */
  async append(event: NewEvent, options?: { readonly expect?: string | null; readonly bytes?: number }): Promise<Position> {
    const bytes = options?.bytes === undefined ? 0 : ENVELOPE_BYTES + options.bytes;
    if (bytes > 0 && this.#waitingBytes + bytes > MOST_WAITING_BYTES) {
      throw new NexusError("OVERLOADED", { retryAfterMs: 100, what: "events that wait to be recorded" });
    }
    this.#waitingBytes += bytes;
    try {
      const position = await this.#log.append(event, options?.expect === undefined ? undefined : { expect: options.expect });
      if (position.sequence > this.#newest) this.#newest = position.sequence;
      return position;
    } finally {
      this.#waitingBytes -= bytes;
    }
  }
}
