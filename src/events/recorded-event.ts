import type { BuiltInData, BuiltInType } from "./built-in.ts";
import { isReserved } from "./built-in.ts";
import type { Cursor, NexusEvent, StoredEvent } from "./event.ts";

type BuiltInField = { [T in BuiltInType]: keyof BuiltInData[T] }[BuiltInType];

/** What a built-in event inherits: its own properties are exactly those of its JSON, but it also answers to the fields of its data. */
const BUILT_IN: object = {};

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
  Object.defineProperty(BUILT_IN, field, {
    configurable: true,
    get(this: { readonly data: Readonly<Record<string, unknown>> }): unknown {
      return this.data[field];
    },
  });
}
// The stack of a failure is recorded once, in its error: this is another way to it.
Object.defineProperty(BUILT_IN, "traceback", {
  get(this: { readonly data: { readonly error?: { readonly stack?: string } } }): unknown {
    return this.data.error?.stack;
  },
});

/** The event with its cursor, as every reader gets it. */
export function recordedEvent(stored: StoredEvent, cursor: Cursor): NexusEvent {
  const { id, sequence, timestamp, cursor: _, ...rest } = stored as NexusEvent;
  // In this order in its JSON, too.
  return asHandedOut({ id, sequence, cursor, timestamp, ...rest } as NexusEvent);
}

/** The event whose JSON this is. */
export function parsedEvent(json: string): NexusEvent {
  return asHandedOut(JSON.parse(json) as NexusEvent);
}

function asHandedOut(event: NexusEvent): NexusEvent {
  return isReserved(event.type) ? (Object.setPrototypeOf(event, BUILT_IN) as NexusEvent) : event;
}
