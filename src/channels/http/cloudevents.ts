import { NexusError } from "../../errors.ts";
import { cloudEventOf } from "../../events/cloudevents.ts";
import { type IncomingEvent, incomingEvent } from "../../events/incoming-event.ts";
import type { EventPage } from "../../log/event-page.ts";
import { parseJson, readBytes } from "./body.ts";

const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";
/** Headers that only a CloudEvent has: any of them makes the body its data. */
const ATTRIBUTES = ["ce-specversion", "ce-id", "ce-source", "ce-type"];

/** Whether the body of a request, in one mode or another, is CloudEvents. */
export function bringsCloudEvents({ headers }: Request): boolean {
  return mediaType(headers).startsWith("application/cloudevents") || ATTRIBUTES.some((name) => headers.has(name));
}

/**
 * Reads what a request brings, in structured, binary or batch mode.
 *
 * @returns one, or the list of a batch.
 * @throws CLOUDEVENT_INVALID · MEDIA_TYPE_UNSUPPORTED · BODY_INVALID · BODY_TOO_LARGE
 * @see CloudEvents 1.0.2, HTTP protocol binding
 */
export async function readCloudEvents(request: Request): Promise<IncomingEvent | readonly IncomingEvent[]> {
  const type = mediaType(request.headers);
  if (type === BATCH) {
    const batch = parseJson(await readBytes(request));
    if (!Array.isArray(batch))
      throw new NexusError("CLOUDEVENT_INVALID", { faults: [{ path: "", message: "is no array, as a batch is" }] });
    return batch.map((event, n) => incomingEvent(event, String(n)));
  }
  if (type === STRUCTURED) return incomingEvent(parseJson(await readBytes(request)));
  if (type.startsWith("application/cloudevents")) throw new NexusError("MEDIA_TYPE_UNSUPPORTED", { mediaType: type.slice(0, 200) });
  return incomingEvent(await binaryEvent(request));
}

/** Attributes are headers, and the body is the data. */
async function binaryEvent(request: Request): Promise<object> {
  const bytes = await readBytes(request);
  const attributes = [...request.headers]
    .filter(([name]) => name.startsWith("ce-"))
    .map(([name, value]) => [name.slice(3), decoded(value)]);
  const contentType = request.headers.get("content-type");
  return {
    ...Object.fromEntries(attributes),
    ...(contentType !== null && { datacontenttype: contentType }),
    ...(bytes.length > 0 && { data_base64: bytes }),
  };
}

/** A header's value: in quotes perhaps, and what is not printable ASCII percent-encoded. */
function decoded(value: string): string {
  const bare = /^".*"$/.test(value) ? value.slice(1, -1).replaceAll(/\\(.)/g, "$1") : value;
  try {
    return decodeURIComponent(bare);
  } catch {
    return bare; // Somebody who does not encode.
  }
}

/** Whether a list of events is wanted as CloudEvents rather than as JSON. @see RFC 9110, section 12.5.1 */
export function wantsCloudEvents({ headers }: Request): boolean {
  const accepted = ranges(headers.get("accept") ?? "");
  const quality = (types: readonly string[]): number => Math.max(0, ...accepted.map(([type, q]) => (types.includes(type) ? q : 0)));
  const wanted = quality([STRUCTURED, BATCH]);
  return wanted > 0 && wanted >= quality(["application/json"]);
}

function ranges(accept: string): readonly (readonly [type: string, quality: number])[] {
  return accept.split(",").map((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    return [type, q === undefined ? 1 : Number(q.slice(2)) || 0] as const;
  });
}

/** A list of events as a batch. What stands beside them in JSON stands in headers. */
export function batchResponse({ events, cursor, hasMore, previous }: EventPage): Response {
  const headers = {
    "content-type": BATCH,
    "cache-control": "no-store",
    "nexus-cursor": cursor,
    "nexus-has-more": String(hasMore),
    ...(previous !== undefined && { "nexus-previous": previous }),
  };
  return new Response(JSON.stringify(events.map(cloudEventOf)), { headers });
}

function mediaType(headers: Headers): string {
  return (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}
