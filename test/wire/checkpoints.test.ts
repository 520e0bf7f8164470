import { expect, test } from "vitest";
import { Peer } from "../http/fixtures/peer.ts";
import { serve, shiftedClock } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";

test("[subscription.3] while nothing matches, a reader is told its place after ten thousand events, without waiting for the time", async () => {
  await using site = await serve();
  await using stream = await Stream.open(`${site.url}/events/stream?type=wanted`);
  await using peer = await Peer.open(site.url);
  peer.send({ op: "subscribe", id: "1", filter: { type: "wanted" } });
  const [{ id: first }] = [await stream.next("checkpoint"), await peer.kind("checkpoint")];
  const { cursor: last } = (await Promise.all(Array.from({ length: 12_000 }, (_, n) => site.app.emitEvent("other", n)))).at(-1) ?? {};
  const { data } = await stream.next("checkpoint");
  const frame = await peer.kind("checkpoint");
  const place = (cursor: string): number => Number(cursor.split(".")[1]);
  expect(place(data.cursor) - place(first ?? "")).toBeGreaterThanOrEqual(10_000);
  expect(place(frame.cursor)).toBe(place(data.cursor));
  expect(place(data.cursor)).toBeLessThanOrEqual(place(last ?? ""));
});

test("[subscription.3] a quiet reader is told its place within 15 s: one from which it can go on", { timeout: 40_000 }, async () => {
  const clock = shiftedClock();
  await using site = await serve({ clock });
  await using stream = await Stream.open(`${site.url}/events/stream?type=wanted`);
  await using peer = await Peer.open(site.url);
  peer.send({ op: "subscribe", id: "1", filter: { type: "wanted" } });
  await stream.next("checkpoint");
  await peer.kind("checkpoint");
  const { cursor } = await site.app.emitEvent("other", 1);
  // What is left of the 15 s is time enough for a look every few seconds.
  clock.advance(11_000);
  expect(await stream.next("checkpoint")).toEqual({ id: cursor, event: "checkpoint", data: { cursor, hasMore: false } });
  expect(await peer.kind("checkpoint")).toEqual({ kind: "checkpoint", id: "1", cursor, hasMore: false });
  await using again = await Stream.open(`${site.url}/events/stream?type=wanted`, { "last-event-id": cursor });
  expect((await again.frame()).data).toMatchObject({ from: cursor, recovered: true });
});

test("[subscription.3] the end of history is told once, after its last event and before what is live", async () => {
  await using site = await serve();
  for (let n = 1; n <= 3; n++) await site.app.emitEvent("n", n);
  await using stream = await Stream.open(`${site.url}/events/stream?type=n&after=earliest`);
  const kinds: string[] = [];
  while (kinds.length < 5) kinds.push((await stream.frame()).event ?? "event");
  await site.app.emitEvent("n", 4);
  kinds.push((await stream.frame()).event ?? "event");
  expect(kinds).toEqual(["resume", "event", "event", "event", "checkpoint", "event"]);
});

test("[subscription.2] history and live are joined without a seam while others write", async () => {
  await using site = await serve();
  const writing = (async () => {
    for (let n = 0; n < 2_000; n++) await (n % 50 === 0 ? site.post("/events", { type: "n", data: n }) : site.app.emitEvent("n", n));
  })();
  await site.app.waitForEvent("n", { after: "earliest" });
  const streams = await Promise.all(Array.from({ length: 4 }, () => Stream.open(`${site.url}/events/stream?type=n&after=earliest`)));
  for (const stream of streams) {
    expect((await stream.events(2_000)).map((event) => event.data)).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
    await stream[Symbol.asyncDispose]();
  }
  await writing;
});
