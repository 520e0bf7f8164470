import { NexusError } from "../errors.ts";
import type { NewEvent } from "../events/event.ts";
import type { AppendOptions, Log, Position } from "./log.ts";

/** About what an event takes beyond its data. */
const ENVELOPE_BYTES = 256;
const MOST_WAITING_BYTES = 32 * 1024 * 1024;

/** The way into the log: bounds what waits for a commit, and knows how far this process has seen the log grow. */
export class Recorder {
  readonly #log: Log;
  #waitingBytes = 0;
  #newest: number;
  #overloaded: NexusError | undefined;

  constructor(log: Log, position: number) {
    this.#log = log;
    this.#newest = position;
  }

  /** The position after everything that was acknowledged to this process. */
  get newest(): number {
    return this.#newest;
  }

  /** @param dataBytes of an event that is to be recorded. @throws OVERLOADED when with it more than 32 MiB would wait. */
  admit(dataBytes: number): void {
    if (this.#waitingBytes + ENVELOPE_BYTES + dataBytes <= MOST_WAITING_BYTES) return;
    // One for all that are refused until an append is through: a stack for each would take more memory than what waits.
    this.#overloaded ??= new NexusError("OVERLOADED", { retryAfterMs: 100, what: "events that wait to be recorded" });
    throw this.#overloaded;
  }

  /** As Log.append. @param dataBytes of its data: what it adds to those that wait; none for events of runs that were accepted. */
  append(event: NewEvent, options?: AppendOptions, dataBytes?: number): Promise<Position> {
    const bytes = dataBytes === undefined ? 0 : ENVELOPE_BYTES + dataBytes;
    this.#waitingBytes += bytes;
    return this.#log.append(event, options).then(
      (position) => {
        this.#through(bytes);
        if (position.sequence > this.#newest) this.#newest = position.sequence;
        return position;
      },
      (error: unknown) => {
        this.#through(bytes);
        throw error;
      },
    );
  }

  #through(bytes: number): void {
    this.#waitingBytes -= bytes;
    this.#overloaded = undefined;
  }
}
