import { expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";

test("[subscription.1] an event stream is text/event-stream in UTF-8, and nothing on the way keeps it back", async () => {
  await using site = await serve();
  await using stream = await Stream.open(`${site.url}/events/stream`);
  const { headers, status } = stream.response;
  expect([status, headers.get("content-type"), headers.get("cache-control"), headers.get("x-accel-buffering")]).toEqual([
    200,
    "text/event-stream; charset=utf-8",
    "no-store",
    "no",
  ]);
});

test("[subscription.1] the first frame is retry, id, event, data: byte for byte, when no place was asked for", async () => {
  await using site = await serve();
  const { cursor } = await site.app.emitEvent("a", 1);
  const epoch = cursor.split(".")[0];
  await using stream = await Stream.open(`${site.url}/events/stream`);
  expect(await stream.raw()).toBe(
    `retry: 2000\nid: ${cursor}\nevent: resume\n` +
      `data: {"requested":null,"from":"${cursor}","recovered":true,"earliest":"${epoch}.0"}\n\n`,
  );
});

test("[subscription.2] an event is id and data, and nothing else: its type never becomes a frame's name", async () => {
  await using site = await serve();
  await using stream = await Stream.open(`${site.url}/events/stream`);
  await stream.next("checkpoint");
  await site.app.emitEvent("checkpoint", { n: 1 });
  const { events } = (await site.get("/events?limit=1")).body;
  expect(await stream.raw()).toBe(`id: ${events[0].cursor}\ndata: ${JSON.stringify(events[0])}\n\n`);
});

test("[subscription.3] when history is done there is a checkpoint: id, event, data", async () => {
  await using site = await serve();
  const { cursor } = await site.app.emitEvent("a", 1);
  await using stream = await Stream.open(`${site.url}/events/stream`);
  await stream.raw();
  expect(await stream.raw()).toBe(`id: ${cursor}\nevent: checkpoint\ndata: {"cursor":"${cursor}","hasMore":false}\n\n`);
});

test("[subscription.7] at stop the last frame is a problem: retry, id, event, data; then the response ends", async () => {
  await using site = await serve();
  const { cursor } = await site.app.emitEvent("a", 1);
  await using stream = await Stream.open(`${site.url}/events/stream`);
  await stream.next("checkpoint");
  const stopped = site.app.stop({ deadlineMs: 0 });
  const raw = (await stream.raw()) ?? "";
  const [retry, id, event, data, ...rest] = raw.split("\n");
  const problem = JSON.parse(data?.replace(/^data: /, "") ?? "");
  expect([retry, id, event, rest]).toEqual([`retry: ${problem.retryAfterMs}`, `id: ${cursor}`, "event: problem", ["", ""]]);
  expect(problem).toMatchObject({ type: "urn:nexus:error:SERVER_STOPPING", status: 503, code: "SERVER_STOPPING", retryable: true, cursor });
  expect(await stream.raw()).toBeUndefined();
  await stopped;
});

test("[subscription.7] streams are told to come back at different times", async () => {
  await using site = await serve();
  const streams = await Promise.all(Array.from({ length: 12 }, () => Stream.open(`${site.url}/events/stream`)));
  await Promise.all(streams.map((stream) => stream.next("checkpoint")));
  const stopped = site.app.stop({ deadlineMs: 0 });
  const waits = await Promise.all(streams.map(async (stream) => (await stream.next("problem")).retry));
  expect(new Set(waits).size).toBeGreaterThan(3);
  await stopped;
});

test("[subscription.2] line ends, NUL and separators in data cannot end a line: each event is one data line and arrives as it was", async () => {
  await using site = await serve();
  await using stream = await Stream.open(`${site.url}/events/stream`);
  const data = { text: "a\r\nb\nc\rd\u2028e\u2029f\u0000g\u0085\u000b\u000c", forged: "\n\nid: 1\nevent: resume\ndata: {}\n\n" };
  await stream.next("checkpoint");
  await site.app.emitEvent("hostile", data, { metadata: { "k\r\n": "\r\n\r\n" } });
  const raw = (await stream.raw()) ?? "";
  expect(raw.split("\n")).toHaveLength(4);
  expect(raw).not.toContain("\r");
  expect(JSON.parse(raw.split("\n")[1]?.slice("data: ".length) ?? "")).toMatchObject({ data, metadata: { "k\r\n": "\r\n\r\n" } });
});

test("[event.7] data of 256 KiB goes through in one frame, characters of any width whole", async () => {
  await using site = await serve();
  await using stream = await Stream.open(`${site.url}/events/stream`);
  const data = `${"€𝄞".repeat(37_448)}.`;
  expect(Buffer.byteLength(JSON.stringify(data))).toBeGreaterThan(256 * 1024 - 8);
  expect((await site.post("/events", { type: "large", data })).status).toBe(201);
  expect((await stream.next()).data.data).toBe(data);
});

test("[subscription.2] optional fields that have no value are absent, never null", async () => {
  await using site = await serve();
  await using stream = await Stream.open(`${site.url}/events/stream`);
  await site.app.emitEvent("plain", null);
  const { data: event } = await stream.next();
  expect(Object.keys(event)).toEqual([
    "id",
    "sequence",
    "cursor",
    "timestamp",
    "type",
    "channel",
    "source",
    "correlationId",
    "visibility",
    "data",
  ]);
});

test("[subscription.2] a stream that is asked for by HEAD answers with its headers, and is not left open", async () => {
  await using site = await serve();
  const response = await fetch(`${site.url}/events/stream`, { method: "HEAD" });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  expect((await site.get("/health")).body.streams).toBe(0);
});
