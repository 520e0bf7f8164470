import type { RunError } from "../errors.ts";
import type { Cursor } from "../events/event.ts";
import type { JsonObject } from "../events/json.ts";
import type { Totals } from "./consumer-state.ts";

export interface ConsumerStatus {
  readonly name: string;
  /** `inactive`: no code of this process delivers for it. `stopped`: it does not go on by itself, see `error`. */
  readonly status: "active" | "paused" | "stopped" | "inactive";
  readonly paused: boolean;
  /** Everything before it is delivered or dead, or does not match. */
  readonly cursor: Cursor;
  /** Events of the log behind that place. */
  readonly lag: number;
  readonly deadLetters: number;
  /** When the first of those that failed is tried again: milliseconds since the epoch. */
  readonly nextRetryAt?: number;
  readonly retrying: readonly Retrying[];
  /** Why it is stopped. */
  readonly error?: RunError;
  readonly filter: JsonObject;
  readonly sink: string;
  readonly totals: Totals;
}

/** An event whose delivery has failed, and is tried again. */
export interface Retrying {
  readonly eventId: string;
  readonly type: string;
  readonly sequence: number;
  /** Tries made. */
  readonly attempts: number;
  /** How many there will be at most; absent where no code says. */
  readonly mostAttempts?: number;
  readonly nextRetryAt: number;
  /** Of the last try. */
  readonly error?: RunError;
}
