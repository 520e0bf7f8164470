import type { JsonObject } from "./json.ts";

/** Where a call came in. */
export type Channel = "api" | "cli" | "mcp" | "app" | "schedule";
export const CHANNELS: readonly Channel[] = ["api", "cli", "mcp", "app", "schedule"];
/** Everyone with `events:read`; its owner; operators. */
export type Visibility = "public" | "owner" | "operators";
/** An opaque place between two events. Safe to store, print and send. */
export type Cursor = string;

/** What a log is given to record: an event without what the log gives it. */
export interface NewEvent {
  /** Unique: a UUIDv7, or the emitter's own, for idempotency. */
  readonly id: string;
  readonly type: string;
  readonly channel: Channel;
  /** `<app>/<node>` that recorded it. */
  readonly source: string;
  readonly sessionId?: string;
  readonly userId?: string;
  readonly workflowName?: string;
  readonly runId?: string;
  readonly correlationId?: string;
  /** Id of the event that led to it. */
  readonly causationId?: string;
  readonly traceparent?: string;
  readonly visibility: Visibility;
  readonly broadcast?: true;
  readonly data: unknown;
  readonly metadata?: JsonObject;
}

/** What a log holds: the new event, and the place and time it was given. */
export interface StoredEvent extends NewEvent {
  /** Place in the log: 1, 2, 3, … without gaps. */
  readonly sequence: number;
  /** Milliseconds since the epoch, UTC; given by the store, never less than that of the event before. */
  readonly timestamp: number;
}

/** A recorded fact, as readers get it: the envelope (who, when, where, order) and `data` (what). They never mix. */
export interface NexusEvent<Type extends string = string, Data = unknown> extends StoredEvent {
  /** The place just after this event: pass it as `after`, on any channel, to go on from here. */
  readonly cursor: Cursor;
  readonly type: Type;
  readonly data: Data;
}
