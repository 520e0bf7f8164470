import type { NewEvent, StoredEvent } from "../events/event.ts";
import type { Filter } from "../events/filter.ts";

/** Where a log stands. Positions are sequences: position n is the place just after event n, 0 the place before the first. */
export interface Head {
  /** Identity of this incarnation of the log: 10 characters of [0-9a-z]. */
  readonly epoch: string;
  /** The position that everything up to has been forgotten; 0 when nothing was. */
  readonly floor: number;
  /** Sequence of the newest event; 0 in an empty log. */
  readonly sequence: number;
}

/** Where an event was recorded. */
export interface Position {
  readonly id: string;
  readonly sequence: number;
  readonly timestamp: number;
  /** False when the log held this id already: nothing was recorded now. */
  readonly recorded: boolean;
}

export interface AppendOptions {
  /** Id of the last event of the event's stream as the caller knows it; `null` for a new stream. */
  readonly expect?: string | null;
  /** The JSON of the event's data, where the caller has it already: a store may record that, and need not make it again. */
  readonly dataJson?: string;
}

export interface ReadQuery {
  /** Ascending: only events after this position; below the floor it reads from the floor. Descending: only events up to and including it. */
  readonly after: number;
  readonly filter?: Filter;
  /** 1 to 1000 events, default 100; a page of large events ends before that. */
  readonly limit?: number;
  /** Default "asc". */
  readonly order?: "asc" | "desc";
  /** What is durable is enough, without what this process has appended and was not told of yet: it waits for no commit. */
  readonly durable?: boolean;
}

/** An event as a store keeps it. */
export interface LogRow {
  readonly id: string;
  readonly sequence: number;
  readonly timestamp: number;
  /** As `bodyOf` made it: everything else. */
  readonly body: string;
}

export interface LogPage {
  /** In the order asked for. */
  readonly events: readonly StoredEvent[];
  /** The same as they are kept, where the store has that: what readers get is made of it. */
  readonly rows?: readonly LogRow[];
  /** The position read up to, past what the filter skipped: the next read's `after`. */
  readonly next: number;
  /** The log's when this page was made: where it lies behind the place that was read from, there may have been more. */
  readonly floor: number;
  /** Nothing was left to read when this page was made. */
  readonly upToDate: boolean;
}

/** The one ordered sequence of all events of an app. Docs: docs/contract.md, [log.1] to [log.13]. */
export interface Log {
  /**
   * Records one event after every event already in the log.
   *
   * Appends of one process take effect in call order, and share commits.
   *
   * @returns its position, when it is on stable storage. An id that the log already holds is answered with its first position, before `expect` is looked at.
   * @throws STREAM_CONFLICT if the stream has moved on; nothing is recorded, and nothing else fails with it.
   * @throws EVENT_ID_CONFLICT if the id is taken by an event with another type, data, sessionId, metadata, visibility or broadcast.
   * @throws STORE_UNAVAILABLE if the outcome is unknown; repeat with the same id: it is recorded once.
   */
  append(event: NewEvent, options?: AppendOptions): Promise<Position>;
  /** Reads one page. It sees every append this process made before the call, unless `durable` says that it need not. */
  read(query: ReadQuery): Promise<LogPage>;
  /** Resolves once an event after `position` is in the log; compares positions, so an append between a read and this call is never missed. Rejects with the signal's reason. */
  waitPast(position: number, signal: AbortSignal): Promise<void>;
  head(): Promise<Head>;
  /** Forgets every event up to and including `position`: it becomes the floor. The newest event's sequence is never given out again. */
  trim(position: number): Promise<void>;
}
