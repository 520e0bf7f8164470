import { createServer, type Server } from "node:http";
import type { Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { memoryStore, Nexus } from "nexus-event-system";
import { toNodeHandler } from "nexus-event-system/node";
import { describe, expect, test, vi } from "vitest";
import { Raw } from "../http/fixtures/raw.ts";
import { shiftedClock, silent } from "../http/fixtures/site.ts";
import { ERAS, Line, Messages } from "./fixtures/wire.ts";

const KIB = 1024;
/** What may wait for a reader. */
const BOUND = 256 * KIB;
/** Far more than what the system keeps for a connection. */
const EVENTS = 900;
const large = "x".repeat(32 * KIB);
/** How many let the same go unread. */
const READERS = 10;

interface Hosted extends AsyncDisposable {
  readonly app: Nexus;
  readonly url: string;
  readonly port: number;
  readonly clock: ReturnType<typeof shiftedClock>;
  /** As its server sees them. */
  readonly sockets: readonly Socket[];
}

/** An app in a server of the test's own, which sees its connections. */
async function hosted(): Promise<Hosted> {
  const clock = shiftedClock();
  const app = new Nexus({ store: memoryStore(), logger: silent, clock }) as Nexus;
  const server: Server = createServer(toNodeHandler(app.fetch)).listen(0, "127.0.0.1");
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  return {
    app,
    url: `http://127.0.0.1:${port}`,
    port,
    clock,
    sockets,
    [Symbol.asyncDispose]: async () => {
      await app.stop({ deadlineMs: 0 });
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What is kept of bytes, by anything in this process. */
function bytesHeld(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

async function healthOf({ app }: Hosted): Promise<any> {
  return (await app.fetch(new Request("http://localhost/health"))).json();
}

/** Opens what is then not read. */
const STREAMS = {
  "events/stream of 2026-07-28": async (line: Line) => line.request("events/stream", { name: "nexus.event" }, 1),
  "events/stream of 2025-11-25": async (line: Line) => line.request("events/stream", { name: "nexus.event" }, 1),
  "a stream of 2025-11-25 that shows broadcasts": async () => undefined,
} as const;

describe.each(Object.entries(STREAMS))("%s", (name, bodyOf) => {
  const era = name.includes("2026-07-28") ? "2026-07-28" : "2025-11-25";

  /** The request as it is on the wire. */
  async function bytesOf({ url }: Hosted): Promise<string> {
    const line = await Line.open(url, era);
    const body = await bodyOf(line);
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      host: "localhost",
      accept: "application/json, text/event-stream",
      ...(body !== undefined && { "content-type": "application/json", "content-length": String(text.length) }),
      ...line.headersFor(body ?? {}),
    };
    const head = Object.entries(headers).map(([key, value]) => `${key}: ${value}`);
    return [`${body === undefined ? "GET" : "POST"} /mcp HTTP/1.1`, ...head, "", text].join("\r\n");
  }

  test("[mcp.6] readers that take nothing cost 256 KiB each at most, are let go after 30 s, and are counted", {
    timeout: 120_000,
    // What a process holds is also what its collector has not yet looked at.
    retry: 2,
  }, async () => {
    await using host = await hosted();
    const raws = await Promise.all(
      Array.from({ length: READERS }, async () => {
        const bytes = await bytesOf(host);
        const raw = await Raw.open(host.port);
        raw.socket.write(bytes);
        // The head of the answer, and what it begins with.
        await new Promise((resolve) => raw.socket.once("readable", resolve));
        return raw;
      }),
    );
    await vi.waitFor(async () => expect((await healthOf(host)).streams).toBe(READERS));
    const stuck = host.sockets.filter((socket) => raws.some((raw) => raw.socket.localPort === socket.remotePort));
    expect(stuck).toHaveLength(READERS);
    const before = bytesHeld();
    let most = 0;
    for (let n = 0; n < EVENTS; n++) {
      await host.app.broadcastEvent("large", { n, large });
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, ...stuck.map((socket) => socket.writableLength));
    }
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(BOUND);
    // With what waits before the socket.
    expect((bytesHeld() - before) / READERS).toBeLessThanOrEqual(2 * BOUND);
    await vi.waitFor(
      () => {
        host.clock.advance(10_000);
        expect(stuck.every(({ destroyed }) => destroyed)).toBe(true);
      },
      { timeout: 20_000, interval: 1_000 },
    );
    await vi.waitFor(async () => expect(await healthOf(host)).toMatchObject({ streams: 0, counters: { slow_readers: READERS } }));
    for (const raw of raws) await raw[Symbol.asyncDispose]();
  });
});

describe.each(ERAS)("%s", (era) => {
  test("[mcp.4] [mcp.6] a reader that was let go has everything once when it goes on from its last cursor", {
    timeout: 60_000,
  }, async () => {
    await using host = await hosted();
    const line = await Line.open(host.url, era, {}, (request) => host.app.fetch(request));
    const seen: number[] = [];
    let cursor: string | undefined;
    const take = async (stream: Messages, upTo: number): Promise<void> => {
      while (seen.length < upTo) {
        const { params } = await stream.of("notifications/events/event");
        seen.push(params.data.data.n);
        ({ cursor } = params);
      }
    };
    const first = await line.stream("events/stream", { name: "nexus.event", arguments: { type: "large" } });
    await first.of("notifications/events/active");
    const emit = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) await host.app.emitEvent("large", { n, large });
    };
    await emit(0, 50);
    await take(first, 20);
    await emit(50, 100);
    await vi.waitFor(
      async () => {
        host.clock.advance(10_000);
        expect(await healthOf(host)).toMatchObject({ streams: 0, counters: { slow_readers: 1 } });
      },
      { timeout: 20_000, interval: 1_000 },
    );
    await expect(first.rest()).rejects.toMatchObject({ code: "SLOW_READER" });
    await using second = await line.stream("events/stream", { name: "nexus.event", arguments: { type: "large" }, cursor }, 2);
    await take(second, 100);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  test("[mcp.6] whoever takes a little is not let go, nor is one for whom there is nothing; and they miss nothing", {
    timeout: 60_000,
  }, async () => {
    await using host = await hosted();
    const line = await Line.open(host.url, era, {}, (request) => host.app.fetch(request));
    const open = async (id: string, type: string): Promise<Messages> => {
      const stream = await line.stream("events/stream", { name: "nexus.event", arguments: { type } }, id);
      await stream.of("notifications/events/active");
      return stream;
    };
    const [takesNothing, takesLittle, hasNothing] = [await open("1", "large"), await open("2", "large"), await open("3", "small")];
    for (let n = 0; n < 60; n++) await host.app.emitEvent("large", { n, large });
    const taken = async (): Promise<number> => (await takesLittle.of("notifications/events/event")).params.data.data.n;
    host.clock.advance(20_000);
    expect(await taken()).toBe(0);
    host.clock.advance(20_000);
    // They have been looked after when the first of them is gone.
    await vi.waitFor(async () => expect(await healthOf(host)).toMatchObject({ counters: { slow_readers: 1 } }), { timeout: 20_000 });
    await expect(takesNothing.rest()).rejects.toMatchObject({ code: "SLOW_READER" });
    for (let n = 1; n < 60; n++) expect(await taken()).toBe(n);
    await host.app.emitEvent("small", 1);
    expect((await hasNothing.of("notifications/events/event")).params.data.type).toBe("small");
    for (const each of [takesLittle, hasNothing]) await each[Symbol.asyncDispose]();
  });
});

test("[mcp.6] one that takes nothing holds up nobody else", { timeout: 60_000 }, async () => {
  await using host = await hosted();
  const inProcess = await Line.open(host.url, "2025-11-25", {}, (request) => host.app.fetch(request));
  const unread = [await inProcess.stream("events/stream", { name: "nexus.event" }), new Messages(await inProcess.get())];
  const line = await Line.open(host.url, "2025-11-25");
  await using stream = await line.stream("events/stream", { name: "nexus.event", arguments: { type: "burst", broadcast: "include" } });
  await using shown = new Messages(await line.get());
  await stream.of("notifications/events/active");
  const emitted = Promise.all(Array.from({ length: 2_000 }, (_, n) => host.app.broadcastEvent("burst", { n, text: "y".repeat(500) })));
  for (let n = 0; n < 2_000; n++) expect((await stream.of("notifications/events/event")).params.data.data.n).toBe(n);
  await emitted;
  expect((await shown.of("notifications/message")).params.data.type).toBe("burst");
  for (const each of unread) await each[Symbol.asyncDispose]();
});
