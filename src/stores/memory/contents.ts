import type { StoredEvent } from "../../events/event.ts";
import { newEpoch } from "../../log/epoch.ts";

/** An event as it is filtered by, and the JSON that each reader's own copy is made of. */
export interface Recorded {
  readonly event: StoredEvent;
  readonly body: string;
}

/** What a memory store holds: it outlives opening and closing. */
export interface Contents {
  readonly epoch: string;
  floor: number;
  /** Timestamp of the newest event, also when that has been trimmed. */
  timestamp: number;
  /** The event at index i has the sequence floor + 1 + i. */
  events: Recorded[];
  readonly byId: Map<string, Recorded>;
  /** The last event of each stream. */
  readonly heads: Map<string, StoredEvent>;
  readonly values: Map<string, { readonly text: string; readonly revision: number }>;
  revision: number;
}

export function emptyContents(): Contents {
  return { epoch: newEpoch(), floor: 0, timestamp: 0, events: [], byId: new Map(), heads: new Map(), values: new Map(), revision: 0 };
}
