import { createServer, type Server } from "node:http";
import { gzipSync } from "node:zlib";
import { serve as serveHono } from "@hono/node-server";
import { EventSource } from "eventsource";
import express from "express";
import { Hono } from "hono";
import { memoryStore, Nexus } from "nexus-event-system";
import { acceptWebSockets, toNodeHandler } from "nexus-event-system/node";
import { expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { CLIENTS } from "../mcp/fixtures/clients.ts";
import { Peer, refusal } from "./fixtures/peer.ts";
import { type Reply, replyOf, silent } from "./fixtures/site.ts";
import { Stream } from "./fixtures/stream.ts";
import { WORKFLOWS } from "./fixtures/workflows.ts";

interface Mounted extends AsyncDisposable {
  readonly app: Nexus;
  /** The app's place in the server of another. */
  readonly url: string;
  readonly server: Server;
}

async function listening(app: Nexus, server: Server, basePath: string): Promise<Mounted> {
  if (!server.listening) await new Promise<void>((resolve) => (server.listening ? resolve() : server.once("listening", () => resolve())));
  const { port } = server.address() as { port: number };
  return {
    app,
    server,
    url: `http://127.0.0.1:${port}${basePath}`,
    [Symbol.asyncDispose]: async () => {
      await app.stop({ deadlineMs: 0 });
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function newApp(): Nexus {
  return new Nexus({ store: memoryStore(), logger: silent, workflows: WORKFLOWS }) as Nexus;
}

const HOSTS: Readonly<Record<string, () => Promise<Mounted>>> = {
  "bare Node": () => {
    const app = newApp();
    return listening(app, createServer(toNodeHandler(app.fetch)).listen(0, "127.0.0.1"), "");
  },
  "Hono, under a path": () => {
    const app = newApp();
    const hono = new Hono();
    const handler = app.handler({ basePath: "/nexus" });
    hono.all("/nexus/*", (c) => handler(c.req.raw));
    return listening(app, serveHono({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" }) as Server, "/nexus");
  },
  "Express, under a path": () => {
    const app = newApp();
    const host = express();
    host.use("/deep/nexus", toNodeHandler(app.handler({ basePath: "/deep/nexus" })));
    return listening(app, createServer(host).listen(0, "127.0.0.1"), "/deep/nexus");
  },
  "Express, behind express.json()": () => {
    const app = newApp();
    const host = express();
    host.use(express.json());
    host.use("/nexus", toNodeHandler(app.handler({ basePath: "/nexus" })));
    return listening(app, createServer(host).listen(0, "127.0.0.1"), "/nexus");
  },
  "Express, behind express.raw()": () => {
    const app = newApp();
    const host = express();
    host.use(express.raw({ type: () => true }));
    host.use(toNodeHandler(app.fetch));
    return listening(app, createServer(host).listen(0, "127.0.0.1"), "");
  },
};

function post(url: string, body: unknown): Promise<Reply> {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }).then(replyOf);
}

for (const [name, mount] of Object.entries(HOSTS)) {
  test(`[app.4] ${name}: calls are answered as anywhere`, async () => {
    await using host = await mount();
    expect((await post(`${host.url}/events`, { type: "a", data: { text: "é\u2028" } })).status).toBe(201);
    expect((await post(`${host.url}/workflows/double/execute`, { inputs: { n: 4 } })).body.result).toEqual({ doubled: 8 });
    const { events } = (await fetch(`${host.url}/events?type=a`).then(replyOf)).body;
    expect(events[0].data).toEqual({ text: "é\u2028" });
  });

  test(`[access.5] ${name}: a compressed body is read only where the host has taken it apart`, async () => {
    await using host = await mount();
    const { status } = await fetch(`${host.url}/events`, {
      method: "POST",
      headers: { "content-type": "application/json", "content-encoding": "gzip" },
      body: gzipSync(JSON.stringify({ type: "a", data: 1 })),
    });
    expect(status).toBe(/express\.(?:json|raw)/.test(name) ? 201 : 415);
  });

  test(`[app.4] ${name}: an EventSource gets what is emitted, and is told when the app stops`, async () => {
    await using host = await mount();
    const source = new EventSource(`${host.url}/events/stream?type=a`);
    const heard = (name: string): Promise<any> =>
      new Promise((resolve) => source.addEventListener(name, ({ data }) => resolve(JSON.parse(data)), { once: true }));
    await heard("checkpoint");
    const event = heard("message");
    await host.app.emitEvent("a", 1);
    expect((await event).data).toBe(1);
    const problem = heard("problem");
    await host.app.stop();
    expect((await problem).code).toBe("SERVER_STOPPING");
    source.close();
  });

  test(`[app.4] ${name}: a client that leaves ends its stream`, async () => {
    await using host = await mount();
    const stream = await Stream.open(`${host.url}/events/stream`);
    await stream.next("checkpoint");
    await stream[Symbol.asyncDispose]();
    for (;;) if ((await fetch(`${host.url}/health`).then(replyOf)).body.streams === 0) break;
  });

  test(`[app.4] ${name}: errors are the app's own, with its headers`, async () => {
    await using host = await mount();
    const { status, headers, body } = await fetch(`${host.url}/events`, { method: "PUT" }).then(replyOf);
    expect([status, headers.get("allow"), headers.get("content-type"), body.code]).toEqual([
      405,
      "GET, POST",
      "application/problem+json",
      "METHOD_NOT_ALLOWED",
    ]);
    expect((await fetch(`${host.url}/nothing`).then(replyOf)).body.code).toBe("NOT_FOUND");
    expect((await fetch(`${host.url}/readyz`)).status).toBe(200);
  });

  test.each(Object.entries(CLIENTS))(
    `[app.4] [mcp.1] ${name}: agents call, wait, hear how far it is and leave, by the client of %s`,
    async (_client, connect) => {
      await using host = await mount();
      const agent = await connect(host.url);
      const run = await agent.call("nexus_run_workflow", { workflow: "double", inputs: { n: 4 } });
      expect(run.structuredContent.result).toEqual({ doubled: 8 });
      const { cursor } = await host.app.emitEvent("a", 1);
      const waits = Promise.withResolvers<void>();
      const waited = agent.call("nexus_wait_for_events", { cursor }, { onprogress: () => waits.resolve() });
      await waits.promise;
      await host.app.emitEvent("a", { text: "é\u2028" });
      expect((await waited).structuredContent.events).toMatchObject([{ data: { text: "é\u2028" } }]);
      const left = new AbortController();
      const active = Promise.withResolvers<void>();
      agent.onNotice(({ method }) => void (method === "notifications/events/active" && active.resolve()));
      const stream = agent.ask("events/stream", { name: "nexus.event" }, { signal: left.signal }).catch(() => {});
      await active.promise;
      left.abort();
      await stream;
      await agent[Symbol.asyncDispose]();
      for (;;) if ((await fetch(`${host.url}/health`).then(replyOf)).body.streams === 0) break;
    },
  );

  test(`[app.4] ${name}: WebSockets are taken beside the host's own`, async () => {
    await using host = await mount();
    const basePath = new URL(host.url).pathname.replace(/\/$/, "") as "/nexus";
    const chat = new WebSocketServer({ noServer: true });
    host.server.on("upgrade", (request, socket, head) => {
      if (request.url === "/chat") chat.handleUpgrade(request, socket, head, (ws) => ws.send("hello from the host"));
    });
    acceptWebSockets(host.server, host.app, basePath === ("" as string) ? {} : { basePath });
    await using peer = await Peer.open(host.url);
    expect(await peer.ask({ op: "ping", id: "1" })).toEqual({ kind: "reply", id: "1", result: {} });
    const other = new WebSocket(new URL("/chat", host.url).href.replace("http", "ws"));
    expect(await new Promise((resolve) => other.once("message", (data) => resolve((data as Buffer).toString())))).toBe(
      "hello from the host",
    );
    other.terminate();
  });
}

test("[app.4] app.fetch serves without a port", async () => {
  await using app = newApp();
  const response = await app.fetch(
    new Request("http://localhost/workflows/double/execute", { method: "POST", body: '{"inputs":{"n":3}}' }),
  );
  expect(await response.json()).toMatchObject({ status: "completed", result: { doubled: 6 } });
});

test("[app.4] app.fetch and a handler ignore further arguments", async () => {
  await using app = newApp();
  const call = app.fetch as (...args: unknown[]) => Promise<Response>;
  expect((await call(new Request("http://localhost/workflows"), { env: 1 }, { ctx: 2 })).status).toBe(200);
});

test.each(["/nexusx/workflows", "/workflows", "/nexus%2Fworkflows", "/other/nexus/workflows"])(
  "[app.4] under a path, %s is nothing of the app's",
  async (path) => {
    await using app = newApp();
    const response = await app.handler({ basePath: "/nexus" })(new Request(`http://localhost${path}`));
    expect([response.status, ((await response.json()) as any).code]).toEqual([404, "NOT_FOUND"]);
  },
);

test("[access.4] a mounted app checks Host too, and answers to the hosts it is given", async () => {
  await using app = new Nexus({ store: memoryStore(), logger: silent, http: { allowedHosts: ["nexus.example"] } });
  const ask = async (host: string): Promise<number> => (await app.fetch(new Request(`http://${host}/workflows`))).status;
  expect([await ask("nexus.example"), await ask("evil.example")]).toEqual([200, 403]);
});

test("[app.4] WebSockets are no longer taken once that is ended", async () => {
  await using host = await (HOSTS["bare Node"] as () => Promise<Mounted>)();
  const end = acceptWebSockets(host.server, host.app);
  await (await Peer.open(host.url))[Symbol.asyncDispose]();
  end();
  // Without anyone who takes upgrades, Node answers the request as any other.
  expect(await refusal(host.url)).toMatchObject({ status: 426 });
});

test("[app.4] two apps in one process never meet: neither in events, nor in handlers, nor in what surrounds a call", async () => {
  await using one = newApp();
  await using two = newApp();
  const heard: unknown[] = [];
  two.onEvent("a", (event) => void heard.push(event.data));
  let nested: Promise<unknown> | undefined;
  one.onEvent("a", () => {
    nested = two.emitEvent("b", "from one's handler");
  });
  await one.emitEvent("a", 1, { sessionId: "s", correlationId: "c" });
  await one.settled();
  await nested;
  await two.settled();
  expect(heard).toEqual([]);
  const [event] = (await two.getEvents({ type: "b" })).events;
  expect(event).toMatchObject({ channel: "app", correlationId: event?.id });
  expect([event?.sessionId, event?.causationId]).toEqual([undefined, undefined]);
});
