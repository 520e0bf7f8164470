import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import { memoryStore, Nexus } from "nexus-event-system";
import { acceptWebSockets, toNodeHandler } from "nexus-event-system/node";
import { expect, test, vi } from "vitest";
import { Peer } from "../http/fixtures/peer.ts";
import { Raw } from "../http/fixtures/raw.ts";
import { serve, shiftedClock, silent } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";

const KIB = 1024;
/** What may wait for a reader. */
const BOUND = 256 * KIB;
/** Far more than what the system keeps for a connection. */
const EVENTS = 900;
const large = "x".repeat(32 * KIB);

const STREAM = "GET /events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n";
const SOCKET =
  "GET /events/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: nexus.v1\r\n\r\n";

/** A frame as a client sends it, its mask all zeros. */
function masked(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

/** An app in a server of the test's own, which sees its connections. */
async function hosted(): Promise<
  AsyncDisposable & { app: Nexus; port: number; clock: ReturnType<typeof shiftedClock>; connections: Socket[] }
> {
  const clock = shiftedClock();
  const app = new Nexus({ store: memoryStore(), logger: silent, clock });
  const server: Server = createServer(toNodeHandler(app.fetch)).listen(0, "127.0.0.1");
  acceptWebSockets(server, app);
  const connections: Socket[] = [];
  server.on("connection", (socket) => connections.push(socket));
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  return {
    app,
    port,
    clock,
    connections,
    [Symbol.asyncDispose]: async () => {
      await app.stop({ deadlineMs: 0 });
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Lets what waits for the network have its turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function emitLarge(app: Nexus, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await app.emitEvent("large", { n, large });
}

test.concurrent.each([
  ["event stream", [STREAM]],
  ["WebSocket", [SOCKET, masked('{"op":"subscribe","id":"1"}')]],
])(
  "[subscription.4] %s: a reader that takes nothing costs 256 KiB at most, is let go after 30 s, and is counted",
  { timeout: 60_000 },
  async (_what, sent) => {
    await using host = await hosted();
    await using raw = await Raw.open(host.port);
    for (const bytes of sent) raw.socket.write(bytes);
    const [connection] = host.connections as [Socket];
    // The answer's head and the first frames are there: the rest it leaves.
    await new Promise((resolve) => raw.socket.once("readable", resolve));
    await vi.waitFor(async () => expect((await healthOf(host.app)).streams).toBe(1));
    let most = 0;
    for (let n = 0; n < EVENTS; n++) {
      await host.app.emitEvent("large", { n, large });
      await turn();
      most = Math.max(most, connection.writableLength);
    }
    expect(most).toBeLessThanOrEqual(BOUND);
    expect(most).toBeGreaterThan(0);
    await letGo(host, connection);
    expect(await healthOf(host.app)).toMatchObject({ streams: 0, counters: { slow_readers: 1 } });
  },
);

/** Time passes, and is looked at every few seconds. */
async function letGo({ clock }: { clock: ReturnType<typeof shiftedClock> }, connection: Socket): Promise<void> {
  const check = (): void => {
    clock.advance(10_000);
    expect(connection.destroyed).toBe(true);
  };
  await vi.waitFor(check, { timeout: 20_000, interval: 1_000 });
}

async function healthOf(app: Nexus): Promise<any> {
  return (await app.fetch(new Request("http://localhost/health"))).json();
}

test.concurrent("[subscription.4] a reader that wakes after 30 s finds SLOW_READER, retryable, and the cursor to go on from", {
  timeout: 60_000,
}, async () => {
  const clock = shiftedClock();
  await using site = await serve({ clock });
  const response = await site.app.fetch(new Request("http://localhost/events/stream?type=large"));
  await emitLarge(site.app, 40);
  clock.advance(30_000);
  await vi.waitFor(async () => expect((await site.get("/health")).body.streams).toBe(0), { timeout: 20_000 });
  await using stream = new Stream(response);
  let last: string | undefined;
  let bytes = 0;
  for (let raw = await stream.raw(); raw !== undefined; raw = await stream.raw()) {
    bytes += raw.length;
    const id = /^id: (.*)$/m.exec(raw)?.[1];
    if (!raw.includes("event: problem")) {
      last = id;
      continue;
    }
    const problem = JSON.parse(/^data: (.*)$/m.exec(raw)?.[1] ?? "");
    expect(problem).toMatchObject({ code: "SLOW_READER", status: 408, retryable: true, cursor: last });
    expect(await stream.raw()).toBeUndefined();
  }
  expect(bytes).toBeLessThanOrEqual(BOUND + KIB);
});

test("[subscription.4] an event that is larger than what may wait still gets through", async () => {
  await using site = await serve({ limits: { dataBytes: 600 * KIB } });
  await using stream = await Stream.open(`${site.url}/events/stream`);
  await using peer = await Peer.open(site.url);
  peer.send({ op: "subscribe", id: "1" });
  await peer.kind("checkpoint");
  const data = "y".repeat(500 * KIB);
  for (let n = 0; n < 3; n++) await site.app.emitEvent("huge", data);
  expect((await stream.events(3)).map((event) => event.data.length)).toEqual([data.length, data.length, data.length]);
  for (let n = 0; n < 3; n++) expect((await peer.kind("event")).event.data.length).toBe(data.length);
});

test("[subscription.4] a reader that takes a little now and then is not let go, and misses nothing", { timeout: 60_000 }, async () => {
  const clock = shiftedClock();
  await using site = await serve({ clock });
  const stream = new Stream(await site.app.fetch(new Request("http://localhost/events/stream?type=large")));
  await emitLarge(site.app, 60);
  const seen: number[] = [];
  while (seen.length < 60) {
    seen.push(...(await stream.events(4)).map((event) => event.data.n));
    clock.advance(10_000);
  }
  expect(seen).toEqual(Array.from({ length: 60 }, (_, n) => n));
});

test("[subscription.4] 10,000 events at once: a fast reader has them all while a slow one has taken none", {
  timeout: 60_000,
}, async () => {
  await using site = await serve();
  await using slow = await Raw.open(site.port);
  slow.socket.write(STREAM);
  await using fast = await Stream.open(`${site.url}/events/stream?type=burst`);
  await using peer = await Peer.open(site.url);
  peer.send({ op: "subscribe", id: "1", filter: { type: "burst" } });
  await peer.kind("checkpoint");
  await fast.next("checkpoint");
  const written = Promise.all(Array.from({ length: 10_000 }, (_, n) => site.app.emitEvent("burst", n)));
  const overWebSocket = (async () => {
    for (let n = 0; n < 10_000; n++) expect((await peer.kind("event")).event.data).toBe(n);
  })();
  for (let n = 0; n < 10_000; n++) expect((await fast.next()).data.data).toBe(n);
  await overWebSocket;
  await written;
  // What the slow one left is there for it.
  slow.read();
  await vi.waitFor(() => expect(slow.bytes.subarray(-30_000).toString()).toContain('"data":9999'), { timeout: 20_000 });
});

test("[subscription.4] a client that is gone in the middle of a frame costs nothing, and no other reader anything", async () => {
  await using site = await serve();
  await using reader = await Stream.open(`${site.url}/events/stream?type=large`);
  const gone = await Promise.all(Array.from({ length: 10 }, () => Raw.open(site.port)));
  for (const [n, raw] of gone.entries()) {
    raw.socket.write(n % 2 === 0 ? STREAM : SOCKET);
    if (n % 2 === 1) raw.socket.write(masked('{"op":"subscribe","id":"1"}'));
    raw.socket.once("data", () => raw.socket.resetAndDestroy());
  }
  await emitLarge(site.app, 30);
  expect((await reader.events(30)).map((event) => event.data.n)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  await Promise.all(gone.map((raw) => raw.ended));
  await vi.waitFor(async () => expect((await site.get("/health")).body.streams).toBe(1));
});

test.concurrent("[subscription.4] a WebSocket that calls and takes no answers is not read from any further, and is let go", {
  timeout: 60_000,
}, async () => {
  await using host = await hosted();
  await using raw = await Raw.open(host.port);
  raw.socket.write(SOCKET);
  const pings = (batch: number): Buffer =>
    Buffer.concat(Array.from({ length: 2_000 }, (_, n) => masked(`{"op":"ping","id":"${batch}-${n}"}`)));
  const [connection] = host.connections as [Socket];
  // Until neither side's system takes more: the server has stopped reading.
  let most = 0;
  for (let sent = 0; sent < 4_000 && raw.socket.writableLength < 2 * KIB * KIB; sent++) {
    raw.socket.write(pings(sent));
    await turn();
    most = Math.max(most, connection.writableLength);
  }
  expect(raw.socket.writableLength).toBeGreaterThanOrEqual(2 * KIB * KIB);
  expect(most).toBeLessThan(4 * BOUND);
  await letGo(host, connection);
});
