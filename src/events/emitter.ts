import type { EventDefinition } from "./definitions.ts";
import type { Cursor, Visibility } from "./event.ts";
import type { JsonObject } from "./json.ts";
import type { EmitData, EmitName, Registry } from "./registry.ts";

export interface Emitter<R extends Registry> {
  /**
   * Records an event; resolves when it is on stable storage. Inside a run it is recorded once however often the code runs again.
   *
   * @throws EVENT_INVALID with every fault's path · EVENT_TOO_LARGE · EVENT_TYPE_INVALID · EVENT_ID_CONFLICT: nothing is recorded.
   * @throws OVERLOADED when too much waits to be recorded; try again.
   * @throws STORE_UNAVAILABLE: the outcome is unknown; try again with the same `id`.
   */
  emitEvent<T extends EventDefinition | EmitName<R>>(type: T, data: NoInfer<EmitData<R, T>>, options?: EmitOptions): Promise<Receipt>;
  /** As emitEvent, and takes it to every connected client of every channel that may see it. */
  broadcastEvent<T extends EventDefinition | EmitName<R>>(type: T, data: NoInfer<EmitData<R, T>>, options?: EmitOptions): Promise<Receipt>;
}

export interface EmitOptions {
  /** The same id with the same content gives the first receipt. */
  readonly id?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly userId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly metadata?: JsonObject | undefined;
  /** Default: a broadcast "public"; with an owner "owner"; else "operators". */
  readonly visibility?: Visibility | undefined;
}

export interface Receipt {
  readonly id: string;
  readonly sequence: number;
  /** The place just after it. */
  readonly cursor: Cursor;
  /** Milliseconds since the epoch; only in the app's own process. */
  readonly timestamp?: number | undefined;
}
