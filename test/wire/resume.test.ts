import { createServer } from "node:http";
import { EventSource } from "eventsource";
import { memoryStore, Nexus } from "nexus-event-system";
import { expect, test } from "vitest";
import { Peer } from "../http/fixtures/peer.ts";
import { type Site, serve, silent } from "../http/fixtures/site.ts";
import { type Frame, Stream } from "../http/fixtures/stream.ts";

/** Five events after the app's own, and the cursors of each. */
async function five(site: Site): Promise<string[]> {
  const cursors: string[] = [];
  for (let n = 1; n <= 5; n++) cursors.push((await site.app.emitEvent("n", { n })).cursor);
  return cursors;
}

async function resumeOf(site: Site, query: string, headers: Record<string, string> = {}): Promise<any> {
  await using stream = await Stream.open(`${site.url}/events/stream${query}`, headers);
  return (await stream.frame()).data;
}

test("[subscription.1] a cursor is resumed from just there", async () => {
  await using site = await serve();
  const [, second = ""] = await five(site);
  await using stream = await Stream.open(`${site.url}/events/stream?after=${second}`);
  expect((await stream.frame()).data).toMatchObject({ requested: second, from: second, recovered: true });
  expect((await stream.events(3)).map((event) => event.data.n)).toEqual([3, 4, 5]);
});

test.each(["earliest", "latest"])("[subscription.1] %s is a place, and is named as it was asked for", async (place) => {
  await using site = await serve();
  const cursors = await five(site);
  const from = place === "latest" ? cursors[4] : `${cursors[0]?.split(".")[0]}.0`;
  expect(await resumeOf(site, `?after=${place}`)).toMatchObject({ requested: place, from, recovered: true });
});

test("[log.13] time: is the place just before the first event at or after it", async () => {
  await using site = await serve();
  await five(site);
  const { events } = (await site.get("/events?type=n")).body;
  const place = `time:${new Date(events[0].timestamp).toISOString()}`;
  await using stream = await Stream.open(`${site.url}/events/stream?type=n&after=${encodeURIComponent(place)}`);
  expect((await stream.frame()).data).toMatchObject({ requested: place, recovered: true });
  expect((await stream.events(5)).map((event) => event.data.n)).toEqual([1, 2, 3, 4, 5]);
});

test("Last-Event-ID wins over lastEventId, which wins over after", async () => {
  await using site = await serve();
  const [first = "", second = "", third = ""] = await five(site);
  expect((await resumeOf(site, `?after=${first}&lastEventId=${second}`, { "last-event-id": third })).from).toBe(third);
  expect((await resumeOf(site, `?after=${first}&lastEventId=${second}`)).from).toBe(second);
  expect((await resumeOf(site, `?lastEventId=${second}&after=${first}`, { "last-event-id": "" })).from).toBe(second);
});

test("[log.6] a cursor of another log is lost: unknown; the stream says so and goes on live from the head", async () => {
  await using site = await serve();
  await using other = await serve();
  const cursors = await five(site);
  const [foreign = ""] = await five(other);
  await using stream = await Stream.open(`${site.url}/events/stream?after=${foreign}`);
  expect(await stream.frame()).toMatchObject({
    id: cursors[4],
    data: { requested: foreign, from: cursors[4], recovered: false, reason: "unknown" },
  });
  await site.app.emitEvent("n", { n: 6 });
  expect((await stream.events(1))[0].data.n).toBe(6);
});

test("[log.6] a cursor with another event's check is lost: unknown", async () => {
  await using site = await serve();
  const [first = ""] = await five(site);
  const [epoch, sequence] = first.split(".");
  expect(await resumeOf(site, `?after=${epoch}.${sequence}.abc`)).toMatchObject({ recovered: false, reason: "unknown" });
});

test("[log.6] a cursor of the future is lost: ahead", async () => {
  await using site = await serve();
  const [first = ""] = await five(site);
  expect(await resumeOf(site, `?after=${first.split(".")[0]}.900.abc`)).toMatchObject({ recovered: false, reason: "ahead" });
});

test.each(["rubbish", "a.b.c", "time:yesterday", "0", "earliest "])("[log.6] what is no cursor is lost: invalid (%s)", async (garbage) => {
  await using site = await serve();
  expect(await resumeOf(site, `?after=${encodeURIComponent(garbage)}`)).toMatchObject({
    requested: garbage,
    recovered: false,
    reason: "invalid",
  });
});

test("[subscription.1] a lost stream with onLoss=earliest goes on from the earliest", async () => {
  await using site = await serve();
  await five(site);
  await using stream = await Stream.open(`${site.url}/events/stream?type=n&after=rubbish&onLoss=earliest`);
  const { data } = await stream.frame();
  expect([data.recovered, data.from]).toEqual([false, data.earliest]);
  expect((await stream.events(5)).map((event) => event.data.n)).toEqual([1, 2, 3, 4, 5]);
});

test("[subscription.1] a WebSocket's resume has the fields of an event stream's", async () => {
  await using site = await serve();
  const cursors = await five(site);
  await using peer = await Peer.open(site.url);
  for (const after of [cursors[1], "earliest", "rubbish", `${cursors[0]?.split(".")[0]}.900`]) {
    const { kind, id, ...resume } = await peer.ask({
      op: "subscribe",
      id: `s-${after?.replaceAll(".", "-")}`,
      filter: { type: "none" },
      after,
    });
    await peer.kind("checkpoint");
    expect([kind, id.slice(0, 2)]).toEqual(["resume", "s-"]);
    expect(resume).toEqual(await resumeOf(site, `?type=none&after=${after}`));
  }
});

test("[subscription.6] an EventSource that reconnects goes on from its last event, not from the place its address names", async () => {
  const app = new Nexus({ store: memoryStore(), logger: silent });
  await app.open();
  // A server in front that cuts the connection after each event.
  const { toNodeHandler } = await import("nexus-event-system/node");
  const handler = toNodeHandler(app.handler());
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers["last-event-id"] as string | undefined);
    const write = response.write.bind(response) as (chunk: Uint8Array) => boolean;
    response.write = ((chunk: Uint8Array) => {
      const written = write(chunk);
      if (/^data: .*"type":"n"/m.test(Buffer.from(chunk).toString())) setImmediate(() => response.destroy());
      return written;
    }) as typeof response.write;
    handler(request, response);
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const source = new EventSource(`http://127.0.0.1:${port}/events/stream?type=n&after=earliest`);
  const seen: Frame["data"][] = [];
  const both = new Promise<void>((resolve) => {
    source.addEventListener("message", ({ data }) => {
      if (seen.push(JSON.parse(data)) === 2) resolve();
      void app.emitEvent("n", { n: seen.length + 1 });
    });
  });
  await app.emitEvent("n", { n: 1 });
  await both;
  source.close();
  server.closeAllConnections();
  server.close();
  await app.stop({ deadlineMs: 0 });
  expect(seen.map((event) => event.data.n)).toEqual([1, 2]);
  expect(asked.slice(0, 2)).toEqual([undefined, seen[0].cursor]);
});
