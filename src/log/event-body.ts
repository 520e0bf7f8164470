import { NexusError } from "../errors.ts";
import type { NewEvent, StoredEvent } from "../events/event.ts";
import { canonicalJson } from "../events/json.ts";

/**
 * The event as a store keeps it: the JSON of everything but `id`, `sequence` and `timestamp`, which have places of their own.
 *
 * @param dataJson the JSON of its data, where it is there already.
 * @throws EVENT_INVALID if the data is not JSON at all.
 */
export function bodyOf(event: NewEvent, dataJson?: string): string {
  try {
    const data = dataJson ?? JSON.stringify(event.data);
    // Written out: whatever else a caller's object carries (a `cursor`, an old `sequence`) is not part of the event.
    const envelope = JSON.stringify({
      type: event.type,
      channel: event.channel,
      source: event.source,
      sessionId: event.sessionId,
      userId: event.userId,
      workflowName: event.workflowName,
      runId: event.runId,
      correlationId: event.correlationId,
      causationId: event.causationId,
      traceparent: event.traceparent,
      visibility: event.visibility,
      broadcast: event.broadcast,
    });
    const inside = data === undefined ? "" : `,"data":${data}`;
    return `${envelope.slice(0, -1)}${inside}${event.metadata === undefined ? "" : `,"metadata":${JSON.stringify(event.metadata)}`}}`;
  } catch (cause) {
    throw new NexusError("EVENT_INVALID", { type: event.type, faults: [{ path: "data", message: "is not JSON" }] }, { cause });
  }
}

/** The event that a body was made of, in its place. Each call makes a new object, so no reader can change another's. */
export function eventOf(id: string, sequence: number, timestamp: number, body: string): StoredEvent {
  const event = JSON.parse(body) as { -readonly [Field in keyof StoredEvent]: StoredEvent[Field] };
  event.id = id;
  event.sequence = sequence;
  event.timestamp = timestamp;
  return event;
}

/** Whether two events with the same id are the same event, sent again: what an emitter decides is equal, what surrounds it may differ. */
export function isRepeat(body: string, recordedBody: string): boolean {
  return body === recordedBody || contentOf(body) === contentOf(recordedBody);
}

function contentOf(body: string): string {
  const { type, data, sessionId, metadata, visibility, broadcast } = JSON.parse(body) as NewEvent;
  return canonicalJson({ type, data, sessionId, metadata, visibility, broadcast });
}
