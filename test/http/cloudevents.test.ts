import { CloudEvent, HTTP } from "cloudevents";
import { defineEvent, defineWorkflow, type NexusEvent } from "nexus-event-system";
import { expect, test } from "vitest";
import { z } from "zod";
import { seen } from "../workflows/scene.ts";
import { type Reply, replyOf, type Site, serve } from "./fixtures/site.ts";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";

const anEvent = (changes: object = {}): CloudEvent<unknown> =>
  new CloudEvent({ id: "e-1", source: "/shop", type: "order.paid", data: { orderId: 7 }, ...changes });

async function send(site: Site, { headers, body }: { readonly headers: object; readonly body?: unknown }): Promise<Reply> {
  return replyOf(await fetch(`${site.url}/events`, { method: "POST", headers: headers as Record<string, string>, body: body as string }));
}

const structured = (site: Site, event: object): Promise<Reply> =>
  send(site, { headers: { "content-type": STRUCTURED }, body: JSON.stringify(event) });
const batch = (site: Site, events: unknown): Promise<Reply> =>
  send(site, { headers: { "content-type": BATCH }, body: JSON.stringify(events) });

/** What the official SDK, which is strict, makes of an answer. */
async function readBatch(
  site: Site,
  path: string,
  accept: string,
): Promise<{ readonly headers: Headers; readonly events: readonly CloudEvent<any>[] }> {
  const response = await fetch(site.url + path, { headers: { accept } });
  const events = HTTP.toEvent({ headers: Object.fromEntries(response.headers), body: await response.text() });
  return { headers: response.headers, events: events as unknown as readonly CloudEvent<any>[] };
}

test("[event.9] the SDK's structured and binary messages are recorded as one and the same event", async () => {
  await using site = await serve();
  const event = anEvent({
    time: "2026-11-23T10:00:00.000Z",
    subject: "order 7",
    dataschema: "https://example.com/order",
    priority: 3,
    urgent: true,
  });
  const first = await send(site, HTTP.structured(event));
  expect([first.status, Object.keys(first.body)]).toEqual([201, ["id", "sequence", "cursor"]]);
  expect(await seen(site.app, "order.paid")).toMatchObject({
    id: "e-1",
    channel: "api",
    userId: "local",
    data: { orderId: 7 },
    metadata: {
      ce_source: "/shop",
      ce_time: "2026-11-23T10:00:00.000Z",
      ce_subject: "order 7",
      ce_dataschema: "https://example.com/order",
      ce_priority: 3,
      ce_urgent: true,
    },
  });
  expect(await send(site, HTTP.structured(event))).toMatchObject({ status: 200, body: first.body });
  const plain = anEvent({ id: "e-2" });
  const second = await send(site, HTTP.binary(plain));
  expect(second.status).toBe(201);
  expect(await send(site, HTTP.structured(plain))).toMatchObject({ status: 200, body: second.body });
});

test("[event.9] the same id with other content is another event: 409", async () => {
  await using site = await serve();
  await structured(site, anEvent());
  for (const changes of [{ data: 8 }, { source: "/other" }]) {
    expect(await structured(site, { ...anEvent().toJSON(), ...changes })).toMatchObject({
      status: 409,
      body: { code: "EVENT_ID_CONFLICT", id: "e-1" },
    });
  }
});

test("[event.9] what says where an event comes from goes into the envelope, and what a caller cannot decide only into its metadata", async () => {
  await using site = await serve();
  const ours = {
    sessionid: (await site.app.sessions.create({ userId: "local" })).id,
    correlationid: "c-1",
    causationid: "e-0",
    traceparent: TRACEPARENT,
    broadcast: true,
  };
  await structured(
    site,
    anEvent({ ...ours, userid: "root", channel: "cli", runid: "r-1", sequence: "0000000000000009", visibility: "operators" }),
  );
  const event = await seen(site.app, "order.paid");
  expect(event).toMatchObject({
    sessionId: ours.sessionid,
    correlationId: "c-1",
    causationId: "e-0",
    traceparent: TRACEPARENT,
    broadcast: true,
    visibility: "public",
    userId: "local",
    channel: "api",
    metadata: { ce_userid: "root", ce_channel: "cli", ce_runid: "r-1", ce_sequence: "0000000000000009", ce_visibility: "operators" },
  });
  expect("runId" in event).toBe(false);
});

test.each<[string, object, unknown, object]>([
  ["text", { datacontenttype: "text/plain", data: "héllo" }, "héllo", { ce_datacontenttype: "text/plain" }],
  ["XML", { datacontenttype: "application/xml", data: "<a/>" }, "<a/>", { ce_datacontenttype: "application/xml" }],
  [
    "JSON of another type",
    { datacontenttype: "application/vnd.order+json", data: { a: 1 } },
    { a: 1 },
    { ce_datacontenttype: "application/vnd.order+json" },
  ],
  ["JSON that is a text", { datacontenttype: "application/json", data: "just text" }, "just text", {}],
  ["no data", {}, null, {}],
  ["null", { data: null }, null, {}],
  ["base64 of JSON", { datacontenttype: "application/json", data_base64: "eyJhIjoxfQ==" }, { a: 1 }, {}],
  ["base64 of a text", { datacontenttype: "text/plain", data_base64: "aMOpbGxv" }, "héllo", { ce_datacontenttype: "text/plain" }],
  [
    "base64 of bytes",
    { datacontenttype: "image/png", data_base64: "iVBORw==" },
    "iVBORw==",
    { ce_datacontenttype: "image/png", ce_dataencoding: "base64" },
  ],
  ["base64 without a type", { data_base64: "AAEC/w==" }, "AAEC/w==", { ce_dataencoding: "base64" }],
])("[event.9] data: %s", async (_what, content, data, metadata) => {
  await using site = await serve();
  expect((await structured(site, { specversion: "1.0", id: "e-1", source: "/shop", type: "order.paid", ...content })).status).toBe(201);
  const event: NexusEvent = await seen(site.app, "order.paid");
  expect([event.data, event.metadata]).toEqual([data, { ce_source: "/shop", ...metadata }]);
});

test.each<[string, string | undefined, string | Uint8Array<ArrayBuffer> | undefined, unknown, object]>([
  ["JSON", "application/json; charset=utf-8", '{"a":1}', { a: 1 }, {}],
  ["JSON of another type", "application/vnd.order+json", "[1]", [1], { ce_datacontenttype: "application/vnd.order+json" }],
  ["text", "text/plain", "héllo", "héllo", { ce_datacontenttype: "text/plain" }],
  [
    "bytes",
    "application/octet-stream",
    new Uint8Array([0, 255]),
    "AP8=",
    { ce_datacontenttype: "application/octet-stream", ce_dataencoding: "base64" },
  ],
  ["nothing", undefined, undefined, null, {}],
])("[event.9] a binary message's body is its data: %s", async (_what, type, body, data, metadata) => {
  await using site = await serve();
  const headers = {
    "ce-specversion": "1.0",
    "ce-id": "e-1",
    "ce-source": "/shop",
    "ce-type": "order.paid",
    "ce-subject": '"Euro %E2%82%AC 100%"',
    ...(type !== undefined && { "content-type": type }),
  };
  const response = await fetch(`${site.url}/events`, { method: "POST", headers, ...(body !== undefined && { body }) });
  expect(response.status).toBe(201);
  const event: NexusEvent = await seen(site.app, "order.paid");
  expect([event.data, event.metadata]).toEqual([data, { ce_source: "/shop", ce_subject: "Euro %E2%82%AC 100%", ...metadata }]);
});

test.each(['{"a":"\\ud800"}', '{"a":1e400}', `{"a":${"[".repeat(64)}${"]".repeat(64)}}`, "[1]", "text"])(
  "[event.9] metadata that is not an object that could be recorded is somebody else's text: %s",
  async (metadata) => {
    await using site = await serve();
    expect((await structured(site, anEvent({ metadata }))).status).toBe(201);
    expect((await seen(site.app, "order.paid")).metadata).toMatchObject({ ce_metadata: metadata });
  },
);

test("[event.9] a binary message's attributes are percent-decoded", async () => {
  await using site = await serve();
  const headers = {
    "ce-specversion": "1.0",
    "ce-id": "e-1",
    "ce-source": "/shop",
    "ce-type": "order.paid",
    "ce-subject": "Euro%20%E2%82%AC",
  };
  await fetch(`${site.url}/events`, { method: "POST", headers });
  expect((await seen(site.app, "order.paid")).metadata).toEqual({ ce_source: "/shop", ce_subject: "Euro €" });
});

test("[event.9] a batch is recorded in its order, and answered with a receipt for each", async () => {
  await using site = await serve();
  const events = [1, 2, 3].map((n) => anEvent({ id: `e-${n}`, data: { n }, correlationid: `c-${n}` }));
  const first = await batch(site, events);
  expect(first.status).toBe(201);
  expect(first.body.receipts.map(({ id }: { id: string }) => id)).toEqual(["e-1", "e-2", "e-3"]);
  expect(first.body.cursor).toBe(first.body.receipts[2].cursor);
  const recorded = (await site.app.getEvents({ type: "order.paid" })).events as readonly NexusEvent<string, any>[];
  expect(recorded.map(({ data, correlationId }) => [data.n, correlationId])).toEqual([
    [1, "c-1"],
    [2, "c-2"],
    [3, "c-3"],
  ]);
  expect(await batch(site, events)).toMatchObject({ status: 200, body: first.body });
  const none = await batch(site, []);
  expect([none.status, none.body.receipts]).toEqual([200, []]);
});

test("[event.9] of a batch in which something does not fit, nothing is recorded", async () => {
  const Paid = defineEvent("order.paid", { schema: z.object({ orderId: z.int() }) });
  await using site = await serve({ events: [Paid] });
  const ok = anEvent({ id: "ok" }).toJSON() as object;
  const wrongs: readonly (readonly [object, number, string])[] = [
    [{ ...ok, id: "w", data: { orderId: "seven" } }, 422, "EVENT_INVALID"],
    [{ ...ok, id: "w", type: "workflow.completed" }, 422, "EVENT_TYPE_INVALID"],
    [{ ...ok, id: "w", source: undefined }, 400, "CLOUDEVENT_INVALID"],
    [{ ...ok, id: "w", type: "other", data: "x".repeat(300_000) }, 413, "EVENT_TOO_LARGE"],
  ];
  for (const [wrong, status, code] of wrongs) expect(await batch(site, [ok, wrong])).toMatchObject({ status, body: { code } });
  expect((await site.app.getEvents({ type: ["order.paid", "other"] })).events).toEqual([]);
  expect((await batch(site, [ok, { ...ok, id: "w", source: undefined }])).body.faults).toEqual([
    { path: "1.source", message: "is required" },
  ]);
});

test.each<[string, unknown, readonly string[]]>([
  ["nothing but an object", {}, ["specversion", "id", "source", "type"]],
  ["another version", { specversion: "0.3", id: "1", source: "/s", type: "t" }, ["specversion"]],
  ["empty texts", { specversion: "1.0", id: "", source: "", type: "", subject: "" }, ["id", "source", "type", "subject"]],
  ["no texts", { specversion: "1.0", id: 1, source: "/s", type: "t", subject: 2 }, ["id", "subject"]],
  ["an id that no caller may choose", { specversion: "1.0", id: "a b", source: "/s", type: "t" }, ["id"]],
  ["a source with a space", { specversion: "1.0", id: "1", source: "my shop", type: "t" }, ["source"]],
  ["a time without zone", { specversion: "1.0", id: "1", source: "/s", type: "t", time: "2026-11-23T10:00:00" }, ["time"]],
  ["a time that never was", { specversion: "1.0", id: "1", source: "/s", type: "t", time: "2026-13-23T10:00:00Z" }, ["time"]],
  ["no media type", { specversion: "1.0", id: "1", source: "/s", type: "t", datacontenttype: "json" }, ["datacontenttype"]],
  ["a name with a capital", { specversion: "1.0", id: "1", source: "/s", type: "t", sessionId: "s" }, ["sessionId"]],
  ["an attribute that is deep", { specversion: "1.0", id: "1", source: "/s", type: "t", deep: { a: 1 }, half: 0.5 }, ["deep", "half"]],
  ["data twice", { specversion: "1.0", id: "1", source: "/s", type: "t", data: 1, data_base64: "AA==" }, ["data_base64"]],
  ["no base64", { specversion: "1.0", id: "1", source: "/s", type: "t", data_base64: "?" }, ["data_base64"]],
  [
    "base64 that is not the JSON it is said to be",
    { specversion: "1.0", id: "1", source: "/s", type: "t", datacontenttype: "application/json", data_base64: "AA==" },
    ["data"],
  ],
  ["a broadcast that is neither", { specversion: "1.0", id: "1", source: "/s", type: "t", broadcast: "loud" }, ["broadcast"]],
  ["no object", [1], [""]],
])("[event.9] refused with its faults: %s", async (_what, body, paths) => {
  await using site = await serve();
  const { status, body: problem } = await structured(site, body as object);
  expect([status, problem.code, problem.faults.map(({ path }: { path: string }) => path)]).toEqual([400, "CLOUDEVENT_INVALID", paths]);
});

test("[event.9] a format that is not JSON is 415; broken JSON, and a batch that is no array, 400", async () => {
  await using site = await serve();
  const xml = await send(site, { headers: { "content-type": "application/cloudevents+xml" }, body: "<event/>" });
  expect(xml).toMatchObject({ status: 415, body: { code: "MEDIA_TYPE_UNSUPPORTED", mediaType: "application/cloudevents+xml" } });
  expect(await send(site, { headers: { "content-type": STRUCTURED }, body: "{" })).toMatchObject({
    status: 400,
    body: { code: "BODY_INVALID" },
  });
  expect(await batch(site, { not: "an array" })).toMatchObject({ status: 400, body: { code: "CLOUDEVENT_INVALID" } });
  const broken = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t", "content-type": "application/json" };
  expect(await send(site, { headers: broken, body: "{" })).toMatchObject({
    status: 400,
    body: { code: "CLOUDEVENT_INVALID", faults: [{ path: "data" }] },
  });
  expect(await send(site, { headers: { "ce-id": "1" }, body: "{}" })).toMatchObject({ status: 400, body: { code: "CLOUDEVENT_INVALID" } });
});

test.each([STRUCTURED, BATCH])(
  "[event.9] lists of events are a batch of CloudEvents for who accepts %s, strict by the SDK",
  async (accept) => {
    await using site = await serve({ workflows: [defineWorkflow("w", (_inputs, ctx) => ctx.step("a", () => 1))] });
    const { runId } = (await site.post("/workflows/w/execute", { inputs: {} })).body;
    for (const path of ["/events?limit=3", "/events/poll?after=earliest&limit=2", `/runs/${runId}/events`]) {
      const { body } = await site.get(path);
      const { headers, events } = await readBatch(site, path, accept);
      expect(events.length).toBe(body.events.length);
      expect(events.map(({ id, type, data }) => ({ id, type, data }))).toEqual(
        body.events.map(({ id, type, data }: NexusEvent) => ({ id, type, data })),
      );
      expect([
        headers.get("content-type"),
        headers.get("nexus-cursor"),
        headers.get("nexus-has-more"),
        headers.get("nexus-previous"),
      ]).toEqual([BATCH, body.cursor, String(body.hasMore), body.previous ?? null]);
    }
  },
);

test.each([
  ["application/json", "application/json"],
  ["*/*", "application/json"],
  [`application/json, ${STRUCTURED};q=0.5`, "application/json"],
  [`application/json;q=0.5, ${STRUCTURED}`, BATCH],
  [`${STRUCTURED};q=0`, "application/json"],
  [`text/html, ${BATCH};q=0.1, */*;q=0.1`, BATCH],
])("[event.9] Accept: %s is answered with %s", async (accept, type) => {
  await using site = await serve();
  expect((await site.get("/events", { accept })).headers.get("content-type")).toBe(type);
});

test("[event.9] what goes out of one app comes into another, and nothing of it is lost", async () => {
  await using from = await serve({ name: "from" });
  await using to = await serve({ name: "to" });
  await from.app.emitEvent("order.paid", { orderId: 7 }, { correlationId: "c-7", metadata: { request: "r-1" }, id: "e-7" });
  const [sent] = JSON.parse(await (await fetch(`${from.url}/events?type=order.paid`, { headers: { accept: BATCH } })).text());
  expect((await structured(to, sent)).status).toBe(201);
  expect((await structured(to, sent)).status).toBe(200);
  const got = await seen(to.app, "order.paid");
  expect(got).toMatchObject({ id: "e-7", data: { orderId: 7 }, correlationId: "c-7" });
  const {
    specversion: _version,
    id: _id,
    type: _type,
    data: _data,
    datacontenttype: _content,
    correlationid: _correlation,
    metadata: _metadata,
    ...others
  } = sent;
  expect(got.metadata).toEqual({
    request: "r-1",
    ...Object.fromEntries(Object.entries(others).map(([name, value]) => [`ce_${name}`, value])),
  });
});

test("[event.9] a broadcast needs its scope, also in a batch, of which nothing is recorded then", async () => {
  await using site = await serve({ auth: { authenticate: () => ({ userId: "ann", scopes: ["events:emit"] }) } });
  const [quiet, loud] = [anEvent({ id: "quiet" }), anEvent({ id: "loud", broadcast: true })];
  expect(await batch(site, [quiet, loud])).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  expect(await structured(site, loud)).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  expect((await site.app.getEvents({ type: "order.paid" })).events).toEqual([]);
  expect(await batch(site, [quiet])).toMatchObject({ status: 201 });
  expect((await seen(site.app, "order.paid")).userId).toBe("ann");
});

test("[event.9] what is asked beside the body is checked as with any other", async () => {
  await using site = await serve();
  const headers = { "content-type": STRUCTURED, "idempotency-key": "k" };
  expect(await send(site, { headers, body: JSON.stringify(anEvent()) })).toMatchObject({ body: { code: "OPTION_UNSUPPORTED" } });
});
