import { FatalError, memoryStore } from "nexus-event-system";
import { expect, test } from "vitest";
import { replyOf, type Site, serve } from "../http/fixtures/site.ts";
import { collector } from "./collector.ts";
import { when } from "./when.ts";

async function del(site: Site, path: string): Promise<any> {
  return await replyOf(await fetch(site.url + path, { method: "DELETE" }));
}

test("[consumer.3] consumers are listed, shown, paused, resumed, sent to another place and removed over HTTP", async () => {
  await using site = await serve();
  const { deliver, reach } = collector();
  site.app.consumer("billing", { type: "n" }, deliver);
  await site.app.emitEvent("n", { n: 0 });
  await reach(1);
  const { body } = await site.get("/consumers");
  expect(body).toMatchObject({ consumers: [{ name: "billing", status: "active", filter: { type: ["n"] } }], hasMore: false });
  expect(body.cursor).toMatch(/^\w{10}\.\d+/);
  expect((await site.post("/consumers/billing/pause")).body).toMatchObject({ status: "paused", paused: true });
  expect((await site.post("/consumers/billing/rewind", { to: "earliest" })).body).toMatchObject({ status: "paused" });
  expect((await site.post("/consumers/billing/resume")).body).toMatchObject({ status: "active", paused: false });
  await reach(2);
  expect((await site.get("/health")).body.consumers).toMatchObject({ active: 1, paused: 0, stopped: 0, inactive: 0, deadLetters: 0 });
  expect((await del(site, "/consumers/billing")).body).toEqual({ name: "billing", removed: true, deadLetters: 0 });
  expect((await site.get("/consumers/billing")).body.code).toBe("CONSUMER_NOT_FOUND");
});

test.each([
  ["GET", "/consumers/none", undefined, "CONSUMER_NOT_FOUND"],
  ["POST", "/consumers/none/pause", "{}", "CONSUMER_NOT_FOUND"],
  ["POST", "/consumers/c/rewind", "{}", "REQUEST_INVALID"],
  ["POST", "/consumers/c/rewind", '{"to":"nowhere"}', "CURSOR_INVALID"],
  ["POST", "/consumers/c/pause", '{"for":1}', "REQUEST_INVALID"],
  ["GET", "/dead-letters/c/none", undefined, "DEAD_LETTER_NOT_FOUND"],
  ["POST", "/dead-letters/c/none/redeliver", "{}", "DEAD_LETTER_NOT_FOUND"],
  ["DELETE", "/dead-letters/c/none", undefined, "DEAD_LETTER_NOT_FOUND"],
  ["GET", "/dead-letters?after=x", undefined, "REQUEST_INVALID"],
  ["GET", "/dead-letters?limit=0", undefined, "REQUEST_INVALID"],
])("%s %s with %s is %s", async (method, path, body, code) => {
  await using site = await serve();
  await site.app.consumer("c", {}, () => {}).status();
  const response = await fetch(site.url + path, { method, ...(body !== undefined && { body }) });
  expect(((await response.json()) as any).code).toBe(code);
});

test("[consumer.2] dead letters are listed without their events, shown with them, page by page", async () => {
  await using site = await serve();
  const consumer = site.app.consumer("a b", { type: "n" }, ({ data }) => {
    throw new FatalError(`no ${(data as { n: number }).n}`);
  });
  // Ids of a caller's own may have characters that a path does not.
  const ids = ["order/7?x", "order/8%20", "zeta"];
  for (const [n, id] of ids.entries()) await site.app.emitEvent("n", { n }, { id });
  await when(consumer, ({ deadLetters }) => deadLetters === 3);
  const first = (await site.get("/dead-letters?consumer=a%20b&limit=2")).body;
  expect(first.deadLetters.map(({ eventId }: any) => eventId)).toEqual(ids.slice(0, 2));
  expect(first.hasMore).toBe(true);
  const second = (await site.get(`/dead-letters?limit=2&after=${encodeURIComponent(first.next)}`)).body;
  expect([second.deadLetters, second.hasMore, second.next]).toEqual([[expect.objectContaining({ eventId: "zeta" })], false, undefined]);
  const shown = (await site.get(`/dead-letters/a%20b/${encodeURIComponent("order/7?x")}`)).body;
  expect(shown).toMatchObject({
    consumer: "a b",
    eventId: "order/7?x",
    type: "n",
    attempts: 1,
    errors: [{ attempt: 1, error: { name: "FatalError", message: "no 0" } }],
    event: { id: "order/7?x", data: { n: 0 }, cursor: expect.any(String) },
  });
  expect(first.deadLetters[0]).not.toHaveProperty("event");
  expect((await site.get("/dead-letters?consumer=other")).body.deadLetters).toEqual([]);
});

test("[consumer.2] a dead letter is delivered after all, out of order; while it fails it stays, and its tries are counted", async () => {
  await using site = await serve();
  let works = false;
  const { deliver, reach } = collector(
    ({ data }, { attempt, idempotencyKey }) => [data.n, attempt, idempotencyKey],
    ({ data }) => {
      if (data.n === 0 && !works) throw new FatalError("still no");
    },
  );
  const consumer = site.app.consumer("c", { type: "n" }, deliver);
  for (const n of [0, 1]) await site.app.emitEvent("n", { n }, { id: `e${n}` });
  await reach(2);
  const failed = await site.post("/dead-letters/c/e0/redeliver");
  expect([failed.status, failed.body]).toEqual([
    502,
    expect.objectContaining({ code: "DELIVERY_FAILED", retryable: true, attempt: 2, error: { name: "FatalError", message: "still no" } }),
  ]);
  expect((await site.get("/dead-letters/c/e0")).body).toMatchObject({ attempts: 2, errors: [{ attempt: 1 }, { attempt: 2 }] });
  works = true;
  const done = await site.post("/dead-letters/c/e0/redeliver");
  expect([done.status, done.body]).toEqual([200, { consumer: "c", eventId: "e0", delivered: true, outOfOrder: true, attempt: 3 }]);
  expect(await reach(4)).toEqual([
    [0, 1, "c/e0"],
    [1, 1, "c/e1"],
    [0, 2, "c/e0"],
    [0, 3, "c/e0"],
  ]);
  expect((await consumer.status()).deadLetters).toBe(0);
  expect((await site.get("/dead-letters/c/e0")).status).toBe(404);
});

test("[consumer.2] a dropped dead letter is gone", async () => {
  await using site = await serve();
  const consumer = site.app.consumer("c", { type: "n" }, () => {
    throw new FatalError("no");
  });
  await site.app.emitEvent("n", {}, { id: "e" });
  await when(consumer, ({ deadLetters }) => deadLetters === 1);
  expect((await del(site, "/dead-letters/c/e")).body).toEqual({ consumer: "c", eventId: "e", dropped: true });
  expect((await consumer.status()).deadLetters).toBe(0);
});

test("[consumer.1] what no code names any more is listed as inactive, keeps its place, and delivers no dead letter", async () => {
  const store = memoryStore();
  {
    await using site = await serve({ store });
    const consumer = site.app.consumer("old", { type: "n" }, () => {
      throw new FatalError("no");
    });
    await site.app.emitEvent("n", {}, { id: "e" });
    await when(consumer, ({ deadLetters }) => deadLetters === 1);
  }
  await using site = await serve({ store });
  expect((await site.get("/consumers/old")).body).toMatchObject({ status: "inactive", deadLetters: 1, filter: { type: ["n"] } });
  expect((await site.post("/dead-letters/old/e/redeliver")).body.code).toBe("CONSUMER_INACTIVE");
  expect((await site.post("/consumers/old/pause")).body).toMatchObject({ status: "inactive", paused: true });
  expect((await del(site, "/consumers/old")).body).toEqual({ name: "old", removed: true, deadLetters: 1 });
  expect((await site.get("/consumers")).body.consumers).toEqual([]);
});
