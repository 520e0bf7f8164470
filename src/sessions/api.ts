import type { After } from "../delivery/subscription.ts";
import type { Channel, Cursor } from "../events/event.ts";
import type { JsonObject } from "../events/json.ts";

/** A caller's context that outlives one call and may span channels. */
export interface Session {
  readonly id: string;
  /** Its owner. */
  readonly userId?: string;
  readonly data: JsonObject;
  readonly metadata?: JsonObject;
  /** The channels that joined, the creating one first. */
  readonly channels: readonly Channel[];
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** When it ends if nobody uses it until then; of one that has ended, when it did. */
  readonly endsAt: number;
  /** How many runs belong to it. */
  readonly workflowCount: number;
  /** How it ended; absent as long as it has not. */
  readonly ended?: "ended" | "expired";
  /** The place it is true for: all before it is in, nothing after it. */
  readonly cursor: Cursor;
}

export interface SessionOptions {
  /** Its owner: from in-process code, and callers with the scope `admin`. Default: the caller. */
  readonly userId?: string | undefined;
  readonly data?: JsonObject | undefined;
  readonly metadata?: JsonObject | undefined;
  /** It ends when it was not used for so long; default 3_600_000. */
  readonly ttlMs?: number | undefined;
}

export interface SessionQuery {
  /** Only those of this owner. */
  readonly userId?: string | undefined;
  /** Only sessions that were created after this place. */
  readonly after?: After | undefined;
  /** Only sessions that were created before this place: the `previous` of a page. */
  readonly before?: Cursor | undefined;
  /** 1 to 1000; default 100. */
  readonly limit?: number | undefined;
}

export interface SessionPage {
  /** Newest first. */
  readonly sessions: readonly Session[];
  readonly cursor: Cursor;
  readonly hasMore: boolean;
  /** Pass it as `before` for older ones; absent when there are none. */
  readonly previous?: Cursor;
}

/** What can be asked of an app's sessions. */
export interface Sessions {
  /** @throws EVENT_INVALID · SESSION_TOO_LARGE · OVERLOADED: then there is none. */
  create(options?: SessionOptions): Promise<Session>;
  /** @throws SESSION_NOT_FOUND, also for somebody else's. */
  get(id: string): Promise<Session>;
  /**
   * A JSON Merge Patch (RFC 7396) of `data`; a function makes it from the current data, again if another update came between.
   *
   * @throws SESSION_NOT_FOUND · SESSION_ENDED · SESSION_TOO_LARGE: then nothing is recorded.
   */
  update(id: string, changes: JsonObject | ((data: JsonObject) => JsonObject)): Promise<Session>;
  /** @throws SESSION_NOT_FOUND · SESSION_ENDED */
  join(id: string, channel: Channel): Promise<Session>;
  /** @throws SESSION_NOT_FOUND · SESSION_ENDED if it has ended before. */
  end(id: string): Promise<Session>;
  /** Those that have not ended, newest first. */
  list(query?: SessionQuery): Promise<SessionPage>;
}
