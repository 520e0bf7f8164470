import { streamOf } from "./built-in.ts";
import type { NexusEvent } from "./event.ts";

/** An event as CloudEvents 1.0 in its structured JSON form: context attributes, and `data` as it was recorded. */
export interface CloudEvent {
  readonly specversion: "1.0";
  readonly id: string;
  /** `/<app>/<node>` that recorded it. */
  readonly source: string;
  readonly type: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  /** `runs/<id>` or `sessions/<id>`: the stream it belongs to; absent for all others. */
  readonly subject?: string;
  readonly datacontenttype: "application/json";
  readonly data: unknown;
  /** Extensions: all that an event carries besides, under lower-case names. */
  readonly [extension: string]: unknown;
}

/**
 * The event as a CloudEvent.
 *
 * `sequence` is a text of 16 digits, so that texts sort as numbers do, and no 32-bit integer ends it; `metadata` is its JSON as a text,
 * because an attribute can be nothing deeper.
 * @see CloudEvents 1.0.2, JSON event format; extensions "sequence" and "distributed tracing".
 */
export function cloudEventOf(event: NexusEvent): CloudEvent {
  const stream = streamOf(event);
  const attributes = {
    specversion: "1.0",
    id: event.id,
    source: `/${encodeURI(event.source)}`,
    type: event.type,
    time: new Date(event.timestamp).toISOString(),
    subject: stream === "app" ? undefined : stream,
    datacontenttype: "application/json",
    sequence: String(event.sequence).padStart(16, "0"),
    cursor: event.cursor,
    channel: event.channel,
    sessionid: event.sessionId,
    userid: event.userId,
    workflowname: event.workflowName,
    runid: event.runId,
    correlationid: event.correlationId,
    causationid: event.causationId,
    traceparent: event.traceparent,
    visibility: event.visibility,
    broadcast: event.broadcast,
    metadata: event.metadata === undefined ? undefined : attributeText(JSON.stringify(event.metadata)),
    data: event.data,
  };
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined)) as unknown as CloudEvent;
}

/** JSON without the characters that an attribute must not have: those that JSON itself leaves as they are. @see CloudEvents 1.0.2, type system, String */
function attributeText(json: string): string {
  return json.replace(/[\u007f-\u009f]|\p{Noncharacter_Code_Point}/gu, (found) =>
    // In UTF-16 units, as JSON escapes are.
    Array.from({ length: found.length }, (_, n) => `\\u${found.charCodeAt(n).toString(16).padStart(4, "0")}`).join(""),
  );
}
