import { CloudEvent, HTTP } from "cloudevents";
import fc from "fast-check";
import { afterAll, beforeAll, expect } from "vitest";
import { type Reply, replyOf } from "../http/fixtures/site.ts";
import { expectNoSurprise, expectProblem, type Watched, watched } from "./answers.ts";
import { fuzz } from "./fuzz.ts";
import { isRecordable, json, jsonText, nearly, text } from "./values.ts";

const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";

let site: Watched;
/** Each event has an id of its own, whatever else is the same. */
let ids = 0;

beforeAll(async () => {
  site = await watched();
});

afterAll(() => site[Symbol.asyncDispose]());

interface Message {
  readonly headers: object;
  readonly body?: unknown;
}

async function send({ headers, body }: Message): Promise<Reply> {
  const reply = await replyOf(
    await fetch(`${site.url}/events`, { method: "POST", headers: headers as Record<string, string>, body: body as string }),
  );
  if (reply.status >= 400) expectProblem(reply.body, reply.status);
  expectNoSurprise(site);
  return reply;
}

/** Text that an attribute may be: whole characters, none of them a control character, and no spaces that a header would lose. */
const words = fc
  .oneof(
    text,
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
    fc.constantFrom("100%", "%41", '"quoted"', 'a"b', "back\\slash", "ä€😀", "a, b; c"),
  )
  .map((given) => given.toWellFormed().replaceAll(/[\p{Cc}\p{Noncharacter_Code_Point}]/gu, ""))
  .filter((given) => given !== "");
const callerId = fc.stringMatching(/^[!-+\--~]{1,30}$/);
const time = fc.date({ noInvalidDate: true, min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z") });
const EXTENSIONS = ["priority", "a", "0", "userid", "channel", "runid", "visibility", "tostring", "x1"];
const attributes = fc.record(
  {
    source: fc.oneof(
      fc.webUrl(),
      fc.constantFrom("/shop", "urn:a:b", "mailto:a@b", "#", "?q=1", "%20", "a%2Fb", "1"),
      fc.stringMatching(/^\/[\w.~/-]{0,20}$/),
    ),
    type: fc.stringMatching(/^x[\w.-]{0,30}$/),
    time: time.map((date) => date.toISOString()),
    subject: words,
    dataschema: fc.webUrl(),
    correlationid: callerId,
    causationid: callerId,
    broadcast: fc.boolean(),
    metadata: fc.oneof(
      fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), json, { noNullPrototype: true }).map((given) => JSON.stringify(given)),
      words,
    ),
    extensions: fc
      .array(
        fc.tuple(
          fc.constantFrom(...EXTENSIONS),
          fc.oneof(
            words,
            fc.boolean(),
            fc.maxSafeInteger().map((n) => n | 0),
          ),
        ),
        { maxLength: 3 },
      )
      .map((pairs) => Object.fromEntries(pairs)),
  },
  { requiredKeys: ["source", "type", "time", "extensions"] },
);

type Content = { readonly datacontenttype?: string; readonly data?: unknown };
const wholeJson = json.filter((value) => isRecordable(value));
const content: fc.Arbitrary<Content> = fc.oneof(
  fc.record({ data: wholeJson }),
  fc.record({
    data: wholeJson,
    datacontenttype: fc.constantFrom("application/json", "application/json; charset=utf-8", "application/vnd.x+json"),
  }),
  fc.record({ data: words, datacontenttype: fc.constantFrom("text/plain", "application/xml", "text/html; charset=utf-8") }),
  fc.record({
    data: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    datacontenttype: fc.constantFrom("application/octet-stream", "image/png"),
  }),
  fc.constant({}),
);

/** An event of the SDK, which refuses what the specification does. */
function made({ extensions, ...given }: any, data: Content): CloudEvent<any> {
  return new CloudEvent({ id: `e-${ids++}`, ...extensions, ...given, ...data });
}

/** What has to be recorded of it: docs/cloudevents.md, read off what the SDK writes. @param asText its attributes came in headers */
function expected(event: CloudEvent<any>, asText: boolean): object {
  const { id, type, data, data_base64, specversion: _version, ...all } = JSON.parse(event.toString());
  const { correlationid, causationid, broadcast, metadata, datacontenttype, ...others } = all;
  const told = objectIn(metadata);
  const said = asText ? Object.fromEntries(Object.entries(others).map(([name, value]) => [name, String(value)])) : others;
  const kept = { ...said, ...(told === undefined && metadata !== undefined && { metadata }) };
  const isPlain = datacontenttype === undefined || /^application\/json\s*(;|$)/.test(datacontenttype);
  const bytes = data_base64 === undefined ? undefined : Buffer.from(data_base64, "base64");
  const isText = bytes !== undefined && Buffer.from(bytes.toString()).equals(bytes);
  return {
    id,
    type,
    data: bytes === undefined ? (data ?? null) : isText ? bytes.toString() : data_base64,
    correlationId: correlationid ?? expect.any(String),
    causationId: causationid,
    broadcast: broadcast || undefined,
    metadata: {
      ...told,
      ...Object.fromEntries(Object.entries(kept).map(([name, value]) => [`ce_${name}`, value])),
      ...(!isPlain && { ce_datacontenttype: datacontenttype }),
      ...(bytes !== undefined && !isText && { ce_dataencoding: "base64" }),
    },
  };
}

function objectIn(given: unknown): object | undefined {
  try {
    const value: unknown = JSON.parse(String(given));
    return typeof value === "object" && value !== null && !Array.isArray(value) && isRecordable(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function recorded(cursor: string): Promise<object> {
  const [event] = (await site.get(`/events?before=${cursor}&limit=1`)).body.events;
  const { id, type, data, correlationId, causationId, broadcast, metadata } = event;
  return { id, type, data, correlationId, causationId, broadcast, metadata };
}

/** It comes back as the SDK reads it: the same data, and the whole of it is a CloudEvent. */
async function expectReadBack(cursor: string, { id, type, data }: any): Promise<void> {
  const response = await fetch(`${site.url}/events?before=${cursor}&limit=1`, { headers: { accept: BATCH } });
  const [event] = HTTP.toEvent({ headers: Object.fromEntries(response.headers), body: await response.text() }) as unknown as [CloudEvent];
  expect(JSON.parse(JSON.stringify([event.id, event.type, event.data]))).toEqual(JSON.parse(JSON.stringify([id, type, data])));
}

fuzz(
  "[event.9] whatever event the SDK writes as JSON is recorded with all that is in it, and read back as the same",
  120,
  [attributes, content],
  async (given, data) => {
    const event = made(given, data);
    const { status, body } = await send(HTTP.structured(event));
    expect([event.toString(), status]).toEqual([event.toString(), 201]);
    const wanted = expected(event, false);
    expect(await recorded(body.cursor)).toEqual(wanted);
    await expectReadBack(body.cursor, wanted);
    expect(await send(HTTP.structured(event))).toMatchObject({ status: 200, body });
  },
  [[{ source: "/s", type: "x", time: "2026-11-28T10:00:00.000Z", metadata: '{"a":"\\ud800"}', extensions: {} }, {}]],
);

/** Percent-encoded, as the SDK leaves to whoever sends. @see CloudEvents 1.0.2, HTTP protocol binding, section 3.1.3.2 */
function encoded(value: unknown): string {
  return Array.from(String(value), (char) => (/[!#$&-~]/.test(char) ? char : encodeURIComponent(char))).join("");
}

fuzz(
  "[event.9] whatever event the SDK writes as headers, percent-encoded, is recorded with all that is in it",
  120,
  [attributes, content],
  async (given, data) => {
    // The SDK writes a text that is said to be JSON without quotes, which is no JSON.
    const isJson = !/^(text|image|application\/(xml|octet))/.test(data.datacontenttype ?? "");
    const event = made(given, isJson && typeof data.data !== "object" ? {} : data);
    const { headers, body: bytes } = HTTP.binary(event);
    const all = Object.entries(headers).map(([name, value]) => [name, name.startsWith("ce-") ? encoded(value) : String(value)]);
    // What it says of no data at all is that it is JSON.
    const named = event.data === undefined ? all.filter(([name]) => name !== "content-type") : all;
    const { status, body } = await send({ headers: Object.fromEntries(named), body: bytes });
    expect([headers, status]).toEqual([headers, 201]);
    expect(await recorded(body.cursor)).toEqual(expected(event, true));
  },
);

fuzz(
  "[event.9] a batch is recorded in its order, or nothing of it, and sent again it is answered the same",
  40,
  [fc.array(fc.tuple(attributes, content), { maxLength: 6 }), fc.option(fc.nat(), { freq: 3 })],
  async (given, wrong) => {
    const events = given.map(([each, data]) => JSON.parse(made(each, data).toString()));
    const at = wrong === null || events.length === 0 ? undefined : wrong % events.length;
    const sent = events.map((event, n) => (n === at ? { ...event, specversion: "2" } : event));
    const message = { headers: { "content-type": BATCH }, body: JSON.stringify(sent) };
    const head = (await site.get("/events?limit=1")).body.cursor;
    const { status, body } = await send(message);
    const after = (await site.get(`/events?after=${head}&limit=100`)).body.events.map(({ id }: { id: string }) => id);
    if (at !== undefined) {
      expect([status, body.faults[0].path, after]).toEqual([400, `${at}.specversion`, []]);
      return;
    }
    expect([status, after]).toEqual([events.length === 0 ? 200 : 201, events.map(({ id }) => id)]);
    expect(body.receipts.map(({ id }: { id: string }) => id)).toEqual(after);
    expect(await send(message)).toMatchObject({ status: 200, body });
  },
);

const nearlyJson = fc.oneof(
  nearly(
    fc.tuple(attributes, content).map(([given, data]) => made(given, data).toString()),
    ['"specversion":"1.0"', '"id":', "null", "{", "[", '"data_base64":"', "\\ud800", '"__proto__":'],
  ),
  jsonText,
  fc.array(jsonText, { maxLength: 3 }).map((list) => `[${list.join()}]`),
);

fuzz(
  "[event.9] what is nearly a CloudEvent is one, or refused by an error of the table",
  300,
  [
    nearlyJson,
    fc.constantFrom(STRUCTURED, BATCH, `${STRUCTURED}; charset=utf-8`, "application/cloudevents", "APPLICATION/CLOUDEVENTS+JSON"),
  ],
  async (body, type) => {
    const { status } = await send({ headers: { "content-type": type }, body: body.toWellFormed() });
    expect([200, 201, 400, 409, 413, 415, 422]).toContain(status);
  },
);

const headerName = fc.constantFrom(
  "ce-id",
  "ce-source",
  "ce-type",
  "ce-specversion",
  "ce-time",
  "ce-",
  "ce-a",
  "ce-A_b",
  "ce-metadata",
  "ce-data",
  "ce-sessionid",
  "ce-broadcast",
  "ce-traceparent",
  "content-type",
);
const headerValue = fc.oneof(
  fc.constantFrom(
    "1.0",
    "/s",
    "t",
    "%",
    "%zz",
    "%ff",
    "%00",
    "%ED%A0%80",
    '"',
    '""',
    '"\\"',
    '"a\\',
    "{}",
    "[]",
    "true",
    "\u00e4",
    "\u00ff",
  ),
  fc.stringMatching(/^[ -~\u00a0-\u00ff]{0,20}$/),
);

fuzz(
  "[event.9] whatever attributes stand in headers, the answer is one of the table",
  300,
  [fc.array(fc.tuple(headerName, headerValue), { minLength: 1, maxLength: 8 }), fc.boolean(), jsonText],
  async (pairs, isWhole, body) => {
    const valid = isWhole ? { "ce-id": `h-${ids++}`, "ce-source": "/s", "ce-type": "t", "ce-specversion": "1.0" } : {};
    const headers = { "content-type": "application/json", ...valid, ...Object.fromEntries(pairs) };
    const { status } = await send({ headers, body: body.toWellFormed() });
    expect([200, 201, 400, 409, 413, 415, 422]).toContain(status);
  },
);
