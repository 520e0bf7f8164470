import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { defineWorkflow, memoryStore, Nexus, NexusError } from "nexus-event-system";
import { type ConnectionNote, createClient } from "nexus-event-system/client";
import { toNodeHandler } from "nexus-event-system/node";
import { expect, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import { Served } from "../cli/served.ts";
import { cuttingProxy } from "../http/fixtures/cutting-proxy.ts";
import { serve, silent } from "../http/fixtures/site.ts";
import { rejection, take } from "./sides.ts";

vi.setConfig({ testTimeout: 60_000 });

test("[client.2] kill -9 of the server, and its restart: the loop goes on by itself, and every event comes once and in order", async () => {
  await using served = await Served.open();
  const notes: ConnectionNote[] = [];
  await using client = createClient({ url: served.url, onConnection: (note) => notes.push(note) });
  const live = client.subscribe({ type: "n" });
  await live.ready;
  const seen: unknown[] = [];
  const read = (async () => {
    for await (const event of live) if (seen.push(event.data) === 6) break;
  })();
  for (const n of [1, 2, 3]) await client.emitEvent("n", n);
  await expect.poll(() => seen.length).toBe(3);
  await served.kill();
  await expect.poll(() => notes[0]?.kind).toBe("lost");
  // Sent while nobody is there: it is recorded when the server is back, and once.
  const emitted = client.emitEvent("n", 4);
  await served.start();
  await emitted;
  for (const n of [5, 6]) await client.emitEvent("n", n);
  await read;
  expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
  expect(notes[0]).toMatchObject({ kind: "lost", message: expect.stringMatching(/^connection lost, trying again in \d\.\d s …$/) });
  expect(notes.at(-1)).toEqual({ kind: "back", missedNothing: true, message: "back, nothing missed" });
});

test("[client.3] execute waits across kill -9 and a restart, and gives the result of the one run", async () => {
  await using served = await Served.open();
  await using client = createClient({ url: served.url });
  const started = client.waitForEvent("step.completed", { after: "earliest" });
  const executed = client.execute("long");
  await started;
  await served.kill();
  await served.start();
  await client.emitEvent("go", {});
  expect(await executed).toEqual({ went: true });
  expect((await client.runs.list()).runs.map(({ status, attempt }) => [status, attempt])).toEqual([["completed", 2]]);
});

test("[client.3] a start whose answer is lost is asked for again, and there is one run", async () => {
  let made = 0;
  await using site = await serve({ workflows: [defineWorkflow("count", () => ++made)] });
  let losing = true;
  const losingOnce: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (init?.method !== "POST" || !losing) return response;
    losing = false;
    await response.text();
    throw new TypeError("fetch failed");
  };
  await using client = createClient({ url: site.url, fetch: losingOnce });
  await client.getEvents();
  expect(await client.execute("count")).toBe(1);
  expect([losing, (await client.runs.list()).runs.length]).toEqual([false, 1]);
});

test("[client.2] a log that is another one after the restart throws CURSOR_UNKNOWN from the loop, and is told", async () => {
  const first = await serve();
  const notes: ConnectionNote[] = [];
  await using client = createClient({ url: first.url, onConnection: (note) => notes.push(note) });
  const live = client.subscribe({ type: "n" });
  const forgiving = client.subscribe({ type: "n", onLoss: "earliest" });
  await Promise.all([live.ready, forgiving.ready]);
  await first.app.emitEvent("n", 1);
  await take(client.subscribe({ type: "n", after: "earliest" }), 1);
  const reading = rejection(take(live, 2));
  await first[Symbol.asyncDispose]();
  await using second = new Nexus({ store: memoryStore(), logger: silent });
  await second.emitEvent("n", "of the other log");
  await second.start({ port: first.port });
  expect(await reading).toMatchObject({ code: "CURSOR_UNKNOWN", details: { reason: "unknown", earliest: expect.any(String) } });
  expect((await take(forgiving, 2)).map(({ data }) => data)).toEqual([1, "of the other log"]);
  expect(notes.at(-1)).toEqual({ kind: "back", missedNothing: false, message: "back, but events are missing" });
});

test("[client.2] connections that are cut in the middle of frames lose nothing, on many subscriptions at once", async () => {
  await using site = await serve();
  await using cutting = await cuttingProxy(site.port, () => 20_000 + Math.floor(Math.random() * 60_000));
  await using client = createClient({ url: cutting.url });
  const loops = Array.from({ length: 20 }, () => client.subscribe({ type: "n", after: "earliest" }));
  const read = Promise.all(loops.map((loop) => take(loop, 60)));
  for (let n = 0; n < 60; n++) await site.app.emitEvent("n", { n, text: "x".repeat(20) });
  for (const events of await read) expect(events.map(({ data }) => data.n)).toEqual(Array.from({ length: 60 }, (_, n) => n));
  expect(cutting.cuts).toBeGreaterThan(1);
});

test("[client.2] an error's answer that breaks off is a lost connection, not a server of another kind: the loop goes on", async () => {
  await using site = await serve();
  const refusal = await fetch(`${site.url}/events/ws`);
  const body = (await refusal.text()).length;
  const whole = await new Promise<number>((resolve) => {
    const socket = connect(site.port, "127.0.0.1", () =>
      socket.write("GET /events/ws HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"),
    );
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => (bytes += chunk.length)).on("end", () => resolve(bytes));
  });
  // The loop's connection, one that is cut before it is opened, and the one that asks why: cut in the body of the answer.
  const cuts = [4_000, 1, whole - body / 2];
  await using cutting = await cuttingProxy(site.port, () => cuts.shift() ?? Number.POSITIVE_INFINITY);
  await using client = createClient({ url: cutting.url });
  const loop = client.subscribe({ type: "n" });
  await loop.ready;
  for (let n = 0; n < 20; n++) await site.app.emitEvent("n", n);
  expect((await take(loop, 20)).map(({ data }) => data)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect(cutting.cuts).toBe(3);
});

test("[client.4] all subscriptions of a client share one connection, which is closed when there are none", async () => {
  await using site = await serve();
  const streams = async (): Promise<number> => (await site.get("/health")).body.streams;
  await using client = createClient({ url: site.url });
  const loops = Array.from({ length: 30 }, () => client.subscribe());
  await Promise.all(loops.map(({ ready }) => ready));
  expect(await streams()).toBe(1);
  for (const loop of loops) await loop[Symbol.asyncDispose]();
  await expect.poll(streams).toBe(0);
});

test("[client.4] a loop that reads slowly holds up no other and holds no more than its bound: it gets everything all the same", async () => {
  await using site = await serve();
  await using client = createClient({ url: site.url });
  const slow = client.subscribe({ type: "large" });
  const quick = client.subscribe({ type: "large" });
  await Promise.all([slow.ready, quick.ready]);
  const text = "x".repeat(100_000);
  for (let n = 0; n < 40; n++) await site.app.emitEvent("large", { n, text });
  const numbers = Array.from({ length: 40 }, (_, n) => n);
  expect((await take(quick, 40)).map(({ data }) => data.n)).toEqual(numbers);
  expect((await take(slow, 40)).map(({ data }) => data.n)).toEqual(numbers);
});

test("[client.5] a server that was never there is SERVER_UNREACHABLE at once, for calls and for loops", async () => {
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const { port } = free.address() as { port: number };
  free.close();
  await using client = createClient({ url: `http://127.0.0.1:${port}` });
  const expected = { code: "SERVER_UNREACHABLE", retryable: true, details: { url: `http://127.0.0.1:${port}` } };
  expect(await rejection(client.emitEvent("n", 1))).toMatchObject(expected);
  expect(await rejection(client.execute("any"))).toMatchObject(expected);
  expect(await rejection(take(client.subscribe(), 1))).toMatchObject(expected);
  expect(await rejection(client.waitForEvent("n"))).toMatchObject(expected);
});

test("[client.5] an app that is mounted without WebSockets is told as that", async () => {
  await using app = new Nexus({ store: memoryStore(), logger: silent, workflows: [defineWorkflow("hello", () => "hello")] });
  const server = createHttpServer(toNodeHandler(app.handler({ basePath: "/nexus" }))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  try {
    await using client = createClient({ url: `http://127.0.0.1:${port}/nexus` });
    expect((await client.emitEvent("n", 1)).sequence).toBeGreaterThan(0);
    const told = { code: "UPGRADE_REQUIRED", message: expect.stringContaining("acceptWebSockets()") };
    expect(await rejection(take(client.subscribe(), 1))).toMatchObject(told);
    expect(await rejection(client.execute("hello"))).toMatchObject(told);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("[client.5] a client that is closed ends its loops quietly, and rejects what is asked of it then", async () => {
  await using site = await serve({ workflows: [defineWorkflow("forever", (_inputs, ctx) => ctx.sleep(1e9))] });
  const client = createClient({ url: site.url });
  const live = client.subscribe();
  await live.ready;
  const reading = take(live, 1);
  const run = await client.startRun("forever");
  await reading;
  const rest = take(client.subscribe({ after: run.cursor }), 1_000);
  const executed = rejection(run.result());
  await client[Symbol.asyncDispose]();
  expect((await rest).length).toBeLessThan(1_000);
  expect((await executed).code).toBe("CLIENT_CLOSED");
  expect((await rejection(client.getEvents())).code).toBe("CLIENT_CLOSED");
  expect(() => client.subscribe()).toThrow(NexusError);
});

test("[client.5] options that a client does not have, and what only in-process code may say, are refused by name", async () => {
  expect(() => createClient({ url: "ftp://x" })).toThrow("no http(s) address");
  expect(() => createClient({ url: "http://x", retries: 3 } as never)).toThrow("retries");
  expect(() => createClient({ url: "http://x", apiKey: "a", token: () => "b" })).toThrow("apiKey");
  await using client = createClient({ url: "http://127.0.0.1:1" });
  for (const option of ["userId", "correlationId", "visibility"]) {
    expect(await rejection(client.emitEvent("n", 1, { [option]: "x" }))).toMatchObject({ code: "OPTION_UNSUPPORTED", details: { option } });
  }
  expect(await rejection(client.sessions.update("s", () => ({})))).toMatchObject({
    code: "OPTION_UNSUPPORTED",
    details: { option: "changes" },
  });
  expect(await rejection(client.sessions.join("s", "mcp"))).toMatchObject({ code: "OPTION_UNSUPPORTED", details: { option: "channel" } });
  expect(await rejection(client.execute("x", {}, { retries: 3 } as never))).toMatchObject({ code: "OPTION_INVALID" });
});

test("[event.6] a client's loop that names no types sees every broadcast as well", async () => {
  await using site = await serve();
  await using client = createClient({ url: site.url });
  const ofSession = client.subscribe({ sessionId: "s1" });
  const ofType = client.subscribe({ type: "order.paid" });
  await Promise.all([ofSession.ready, ofType.ready]);
  await site.app.emitEvent("order.paid", 1, { sessionId: "s2" });
  await site.app.broadcastEvent("NEWS", 2);
  await site.app.emitEvent("order.paid", 3, { sessionId: "s1" });
  expect((await take(ofSession, 2)).map(({ data }) => data)).toEqual([2, 3]);
  expect((await take(ofType, 2)).map(({ data }) => data)).toEqual([1, 3]);
});

test("[client.6] every call carries its credential: an API key as it is, a token as it is at that time", async () => {
  await using site = await serve();
  const shown: (string | null)[] = [];
  const watched: typeof fetch = (input, init) => {
    shown.push(new Headers(init?.headers).get("authorization"));
    return fetch(input, init);
  };
  await using keyed = createClient({ url: site.url, apiKey: "nexus_a_b", fetch: watched });
  let n = 0;
  await using signed = createClient({ url: site.url, token: async () => `token-${++n}`, fetch: watched });
  await keyed.getEvents();
  await signed.getEvents();
  await signed.getEvents();
  expect(shown).toEqual(["Bearer nexus_a_b", "Bearer token-1", "Bearer token-2"]);
});

test("[client.6] a server's own sign-in knows the client by it, and refuses whoever shows nothing", async () => {
  const authenticate = (request: Request): { userId: string; scopes: ("events:emit" | "events:read")[] } | undefined =>
    request.headers.get("authorization") === "Bearer ann" ? { userId: "ann", scopes: ["events:emit", "events:read"] } : undefined;
  await using site = await serve({ auth: { authenticate } });
  await using ann = createClient({ url: site.url, token: () => "ann" });
  await ann.emitEvent("n", 1);
  expect((await ann.getEvents({ type: "n" })).events.map(({ userId }) => userId)).toEqual(["ann"]);
  expect(await rejection(ann.execute("any"))).toMatchObject({ code: "FORBIDDEN" });
  await using nobody = createClient({ url: site.url });
  expect(await rejection(nobody.emitEvent("n", 1))).toMatchObject({ code: "UNAUTHENTICATED" });
  expect(await rejection(take(nobody.subscribe(), 1))).toMatchObject({ code: "UNAUTHENTICATED" });
});

test("[client.6] a WebSocket shows its credential in its first frame, at each connection, and asks for nothing before it is taken", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "nexus.v1" });
  await once(server, "listening");
  const heard: [address: string | undefined, connection: number, frame: any][] = [];
  let connections = 0;
  server.on("connection", (socket, request) => {
    const connection = ++connections;
    socket.on("message", (data) => {
      const frame = JSON.parse((data as Buffer).toString());
      heard.push([request.url, connection, frame]);
      if (frame.op === "authenticate") socket.send(JSON.stringify({ kind: "reply", id: frame.id, result: {} }));
      else if (connection === 1) {
        socket.send(JSON.stringify({ kind: "resume", id: frame.id, requested: "latest", from: "e.1", recovered: true, earliest: "e.0" }));
        socket.close();
      } else void live[Symbol.asyncDispose]();
    });
  });
  let n = 0;
  await using client = createClient({
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    token: () => `token-${++n}`,
  });
  const live = client.subscribe({ type: "n" });
  expect(await take(live, 1)).toEqual([]);
  server.close();
  const shown = (credential: string): object => ({ op: "authenticate", id: "authenticate", credential });
  const asked = (after: string): object => ({ op: "subscribe", id: "1", filter: { type: ["n"] }, after });
  expect(heard.slice(0, 4)).toEqual([
    ["/events/ws", 1, shown("token-1")],
    ["/events/ws", 1, asked("latest")],
    ["/events/ws", 2, shown("token-2")],
    ["/events/ws", 2, asked("e.1")],
  ]);
});
