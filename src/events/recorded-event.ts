import type { BuiltInData, BuiltInType } from "./built-in.ts";
import { isReserved } from "./built-in.ts";
import type { Cursor, NexusEvent, StoredEvent } from "./event.ts";

type BuiltInField = { [T in BuiltInType]: keyof BuiltInData[T] }[BuiltInType];

/**
 * An event as it is handed out: its own properties are exactly those of its JSON; built-in ones also answer to the fields of their data, by getters.
 */
class RecordedEvent {
  readonly id: string;
  readonly sequence: number;
  readonly cursor: Cursor;
  readonly timestamp: number;

  constructor(stored: StoredEvent, cursor: Cursor) {
    // In this order in its JSON, too.
    this.id = stored.id;
    this.sequence = stored.sequence;
    this.cursor = cursor;
    this.timestamp = stored.timestamp;
    const fields = this as unknown as Record<string, unknown>;
    for (const field in stored) {
      if (field === "id" || field === "sequence" || field === "cursor" || field === "timestamp") continue;
      fields[field] = stored[field as keyof StoredEvent];
    }
  }
}

class BuiltInRecordedEvent extends RecordedEvent {}

const FIELDS: Readonly<Record<BuiltInField, true>> = {
  address: true,
  attempt: true,
  changes: true,
  code: true,
  consumer: true,
  count: true,
  delayMs: true,
  description: true,
  durationMs: true,
  endsAt: true,
  error: true,
  eventId: true,
  expiresAt: true,
  fingerprint: true,
  from: true,
  initialData: true,
  inputSchema: true,
  inputs: true,
  joined: true,
  keyId: true,
  name: true,
  owner: true,
  percentage: true,
  reason: true,
  result: true,
  resultSchema: true,
  schema: true,
  scope: true,
  scopes: true,
  step: true,
  tags: true,
  to: true,
  traceback: true,
  ttlMs: true,
  until: true,
  version: true,
  workflowCount: true,
};
for (const field of Object.keys(FIELDS)) {
  Object.defineProperty(BuiltInRecordedEvent.prototype, field, {
    configurable: true,
    get(this: { readonly data: Readonly<Record<string, unknown>> }): unknown {
      return this.data[field];
    },
  });
}
// The stack of a failure is recorded once, in its error: this is another way to it.
Object.defineProperty(BuiltInRecordedEvent.prototype, "traceback", {
  get(this: { readonly data: { readonly error?: { readonly stack?: string } } }): unknown {
    return this.data.error?.stack;
  },
});

/** The event with its cursor, as every reader gets it. */
export function recordedEvent(stored: StoredEvent, cursor: Cursor): NexusEvent {
  return new (isReserved(stored.type) ? BuiltInRecordedEvent : RecordedEvent)(stored, cursor) as unknown as NexusEvent;
}
