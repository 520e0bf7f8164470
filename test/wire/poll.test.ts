import { expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";

test("a poll answers at once with what follows its place, and the place after it", async () => {
  await using site = await serve();
  const first = await site.app.emitEvent("n", 1);
  const last = await site.app.emitEvent("n", 2);
  const { status, body } = await site.get(`/events/poll?type=n&after=${first.cursor}`);
  const { events } = (await site.get(`/events?after=${first.cursor}`)).body;
  expect([status, body]).toEqual([200, { events, cursor: last.cursor, hasMore: false }]);
});

test("a poll waits for the first match, and answers then", async () => {
  await using site = await serve();
  const { cursor } = await site.app.emitEvent("start", 0);
  const poll = site.get(`/events/poll?type=wanted&after=${cursor}`);
  await site.app.emitEvent("other", 1);
  await site.app.emitEvent("wanted", 2);
  expect((await poll).body.events.map((event: any) => event.data)).toEqual([2]);
});

test("at the end of waitMs a poll answers with nothing, and a newer place", async () => {
  await using site = await serve();
  const { cursor } = await site.app.emitEvent("start", 0);
  const newer = await site.app.emitEvent("other", 1);
  const { body } = await site.get(`/events/poll?type=wanted&after=${cursor}&waitMs=50`);
  expect(body).toEqual({ events: [], cursor: newer.cursor, hasMore: false });
});

test("waitMs=0 says what there is: polled page by page, nothing is missed and nothing comes twice", async () => {
  await using site = await serve();
  for (let n = 0; n < 700; n++) void site.app.emitEvent(n % 3 === 0 ? "wanted" : "other", n);
  await site.app.settled();
  const seen: number[] = [];
  for (let after = "earliest", more = true; more; ) {
    const { body } = await site.get(`/events/poll?type=wanted&limit=7&waitMs=0&after=${after}`);
    expect(body.events.length).toBeLessThanOrEqual(7);
    seen.push(...body.events.map((event: any) => event.data));
    ({ cursor: after, hasMore: more } = body);
  }
  expect(seen).toEqual(Array.from({ length: 234 }, (_, n) => n * 3));
});

test("without a place a poll begins at the latest", async () => {
  await using site = await serve();
  const { cursor } = await site.app.emitEvent("n", 1);
  expect((await site.get("/events/poll?waitMs=0")).body).toEqual({ events: [], cursor, hasMore: false });
});

test("Last-Event-ID wins over lastEventId, which wins over after", async () => {
  await using site = await serve();
  const [one, two, three] = [await site.app.emitEvent("n", 1), await site.app.emitEvent("n", 2), await site.app.emitEvent("n", 3)];
  const query = `/events/poll?after=${one.cursor}&lastEventId=${two.cursor}&waitMs=0`;
  const seen = async (headers: Record<string, string>): Promise<number[]> =>
    (await site.get(query, headers)).body.events.map((event: any) => event.data);
  expect([await seen({}), await seen({ "last-event-id": three.cursor })]).toEqual([[3], []]);
});

test.each(["50001", "-1", "1.5", "x", ""])("waitMs=%s is refused with its path", async (waitMs) => {
  await using site = await serve();
  const { status, body } = await site.get(`/events/poll?waitMs=${waitMs}`);
  expect([status, body.code, body.faults[0].path]).toEqual([422, "REQUEST_INVALID", "waitMs"]);
});

test("[log.6] a lost cursor is 410 with the earliest that is left; with onLoss=earliest it goes on from there", async () => {
  await using site = await serve();
  await using other = await serve();
  const { cursor } = await other.app.emitEvent("n", 0);
  await site.app.emitEvent("n", 1);
  const lost = await site.get(`/events/poll?type=n&after=${cursor}`);
  expect([lost.status, lost.body.code, lost.body.reason, lost.body.retryable]).toEqual([410, "CURSOR_UNKNOWN", "unknown", false]);
  expect((await site.get(`/events/poll?type=n&after=${lost.body.earliest}`)).body.events).toHaveLength(1);
  expect((await site.get(`/events/poll?type=n&after=${cursor}&onLoss=earliest`)).body.events).toHaveLength(1);
});

test("[log.6] what is no cursor is 400, also with onLoss=earliest", async () => {
  await using site = await serve();
  for (const query of ["after=rubbish", "after=rubbish&onLoss=earliest"]) {
    const { status, body } = await site.get(`/events/poll?${query}`);
    expect([status, body.code]).toEqual([400, "CURSOR_INVALID"]);
  }
});

test("[subscription.7] at stop a poll that waits is told to come back, and when", async () => {
  await using site = await serve();
  const polls = Array.from({ length: 5 }, () => site.get("/events/poll?type=never"));
  // Answered only after the polls before it are under way.
  await site.get("/events/poll?waitMs=0");
  const stopped = site.app.stop({ deadlineMs: 0 });
  for (const { status, body, headers } of await Promise.all(polls)) {
    expect([status, body.code, body.retryable, headers.get("retry-after")]).toEqual([
      503,
      "SERVER_STOPPING",
      true,
      String(Math.ceil(body.retryAfterMs / 1000)),
    ]);
  }
  await stopped;
});
