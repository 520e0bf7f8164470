import { expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";

test("POST /events records: 201 with id, sequence and cursor", async () => {
  await using site = await serve();
  const { status, body } = await site.post("/events", {
    type: "a",
    data: { n: 1 },
    metadata: { k: "v" },
    sessionId: "s1",
    broadcast: true,
  });
  const [event] = (await site.get("/events?limit=1")).body.events;
  expect([status, body]).toEqual([201, { id: event.id, sequence: event.sequence, cursor: event.cursor }]);
  expect(event).toMatchObject({ type: "a", data: { n: 1 }, metadata: { k: "v" }, sessionId: "s1", broadcast: true, visibility: "public" });
});

test("[log.3] the same event sent again is answered with the same body and 200, and is there once", async () => {
  await using site = await serve();
  const event = { type: "a", data: { n: 1 }, id: "mine-1" };
  const first = await site.post("/events", event);
  const again = await site.post("/events", event);
  expect([first.status, again.status, again.body]).toEqual([201, 200, first.body]);
  expect((await site.get("/events?type=a")).body.events).toHaveLength(1);
});

test("[log.3] another event with an id that is taken is 409", async () => {
  await using site = await serve();
  await site.post("/events", { type: "a", data: 1, id: "mine-1" });
  const { status, body } = await site.post("/events", { type: "a", data: 2, id: "mine-1" });
  expect([status, body.code, body.id]).toEqual([409, "EVENT_ID_CONFLICT", "mine-1"]);
});

test.each(["", "with space", "a,b", "é", "x".repeat(129)])("[log.3] an id that cannot be one is refused (%s)", async (id) => {
  await using site = await serve();
  const { status } = await site.post("/events", { type: "a", data: 1, id });
  expect(status).toBe(422);
});

test("[event.1] data with the keys of the envelope changes nothing in the envelope", async () => {
  await using site = await serve();
  const data = { type: "other", id: "forged", sequence: 99, cursor: "x", session_id: "s", timestamp: 0, visibility: "public" };
  const { body } = await site.post("/events", { type: "a", data });
  const [event] = (await site.get("/events?type=a")).body.events;
  expect(event).toMatchObject({ id: body.id, type: "a", sequence: body.sequence, cursor: body.cursor, data });
});

test.each(["workflow.started", "Workflow.x", "STEP.done", "nexus.x", "log.trimmed"])(
  "[event.2] the type %s is not to be emitted by hand",
  async (type) => {
    await using site = await serve();
    const { status, body } = await site.post("/events", { type, data: 1 });
    expect([status, body.code]).toEqual([422, "EVENT_TYPE_INVALID"]);
  },
);

test("[event.7] data of more than 256 KiB is 413 with size and limit, and nothing is recorded", async () => {
  await using site = await serve();
  const { status, body } = await site.post("/events", { type: "a", data: "x".repeat(256 * 1024) });
  expect([status, body.code, body.bytes, body.limit]).toEqual([413, "EVENT_TOO_LARGE", 256 * 1024 + 2, 256 * 1024]);
  expect((await site.get("/events?type=a")).body.events).toEqual([]);
});

test("GET /events is the newest page, oldest first, with where older ones are", async () => {
  await using site = await serve();
  for (let n = 1; n <= 5; n++) await site.app.emitEvent("n", n);
  const { body } = await site.get("/events?type=n&limit=2");
  expect(Object.keys(body).sort()).toEqual(["cursor", "events", "hasMore", "previous"]);
  expect([body.events.map((event: any) => event.data), body.hasMore, body.cursor]).toEqual([[4, 5], true, body.events[1].cursor]);
});

test("previous leads back to the first event: nothing is missed and nothing comes twice", async () => {
  await using site = await serve();
  for (let n = 1; n <= 7; n++) await site.app.emitEvent("n", n);
  const pages: number[][] = [];
  for (
    let page = (await site.get("/events?type=n&limit=3")).body;
    ;
    page = (await site.get(`/events?type=n&limit=3&before=${page.previous}`)).body
  ) {
    pages.push(page.events.map((event: any) => event.data));
    if (!page.hasMore) break;
  }
  expect(pages).toEqual([[5, 6, 7], [2, 3, 4], [1]]);
});

test("with after there is no previous, and its cursor is the next after", async () => {
  await using site = await serve();
  for (let n = 1; n <= 5; n++) await site.app.emitEvent("n", n);
  const first = (await site.get("/events?type=n&limit=3&after=earliest")).body;
  const second = (await site.get(`/events?type=n&limit=3&after=${first.cursor}`)).body;
  expect([first, second].map(({ events, hasMore, previous }) => [events.map((event: any) => event.data), hasMore, previous])).toEqual([
    [[1, 2, 3], true, undefined],
    [[4, 5], false, undefined],
  ]);
});

test("order=desc is newest first", async () => {
  await using site = await serve();
  for (let n = 1; n <= 3; n++) await site.app.emitEvent("n", n);
  expect((await site.get("/events?type=n&order=desc")).body.events.map((event: any) => event.data)).toEqual([3, 2, 1]);
});

test("[log.13] since <= timestamp < until, in RFC 3339 or milliseconds", async () => {
  await using site = await serve();
  await site.app.emitEvent("n", 1);
  const [{ timestamp }] = (await site.get("/events?type=n")).body.events;
  const count = async (query: string): Promise<number> => (await site.get(`/events?type=n&${query}`)).body.events.length;
  const zoned = encodeURIComponent(new Date(timestamp).toISOString().replace("Z", "+00:00"));
  expect([
    await count(`since=${timestamp}`),
    await count(`since=${zoned}`),
    await count(`until=${timestamp}`),
    await count(`until=${timestamp + 1}`),
  ]).toEqual([1, 1, 0, 1]);
});

test("values are decoded, then split at commas; repeating a field adds values", async () => {
  await using site = await serve();
  for (const type of ["a", "b", "c", "d.e"]) await site.app.emitEvent(type, 1);
  const types = async (query: string): Promise<string[]> =>
    (await site.get(`/events?${query}`)).body.events.map((event: any) => event.type);
  expect(await types("type=a%2Cb&type=d.*")).toEqual(["a", "b", "d.e"]);
});

test.each([
  ["colour=red", "colour"],
  ["type=", "type"],
  ["type=a,,b", "type"],
  ["type=*.a", "type"],
  ["channel=pigeon", "channel"],
  ["broadcast=include,only", "broadcast"],
  ["since=yesterday", "since"],
  ["waitMs=1", "waitMs"],
  ["after=latest&after=latest", "after"],
  ["__proto__=x", "__proto__"],
  [`sessionId=${"s".repeat(8_192)}`, "sessionId"],
  [`type=${Array.from({ length: 65 }, (_, n) => `t${n}`).join(",")}`, "type"],
])("[subscription.6] ?%s is FILTER_INVALID, naming what is wrong", async (query, field) => {
  await using site = await serve();
  const { status, body } = await site.get(`/events?${query}`);
  expect([status, body.code, body.field]).toEqual([400, "FILTER_INVALID", field]);
});

test("[event.6] broadcast: include adds every broadcast, only keeps those that match", async () => {
  await using site = await serve();
  await site.app.emitEvent("a", 1);
  await site.app.broadcastEvent("a", 2);
  await site.app.broadcastEvent("b", 3);
  const data = async (query: string): Promise<number[]> =>
    (await site.get(`/events?type=a${query}`)).body.events.map((event: any) => event.data);
  expect([await data(""), await data("&broadcast=include"), await data("&broadcast=only")]).toEqual([[1, 2], [1, 2, 3], [2]]);
});
