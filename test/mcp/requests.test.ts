import { memoryStore, Nexus } from "nexus-event-system";
import { expect, test } from "vitest";
import { serve, silent } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { CLIENTS } from "./fixtures/clients.ts";
import { ERAS, Line } from "./fixtures/wire.ts";

const JSON_TYPE = { "content-type": "application/json" };
const PING = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
const MIB = 1024 * 1024;

/** A call whose body has just so many bytes. */
function call(bytes: number): string {
  const of = (text: string): string =>
    JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "nexus_emit_event", arguments: { type: "a", data: text } },
    });
  return of("x".repeat(bytes - of("").length));
}

test.each<[what: string, status: number, code: number, init: RequestInit]>([
  ["what is no JSON", 400, -32700, { method: "POST", headers: JSON_TYPE, body: "{" }],
  ["no body", 400, -32700, { method: "POST", headers: JSON_TYPE }],
  ["JSON that is no message", 400, -32600, { method: "POST", headers: JSON_TYPE, body: "5" }],
  ["a batch of nothing", 400, -32600, { method: "POST", headers: JSON_TYPE, body: "[]" }],
  ["another type of content", 415, -32600, { method: "POST", headers: { "content-type": "text/plain" }, body: PING }],
  ["a form", 415, -32600, { method: "POST", body: new URLSearchParams({ a: "b" }) }],
  ["no type of content", 415, -32600, { method: "POST", body: new Uint8Array(Buffer.from(PING)) }],
  ["a body above 1 MiB", 413, -32600, { method: "POST", headers: JSON_TYPE, body: call(MIB + 1) }],
  ["a client that takes no stream", 406, -32000, { method: "POST", headers: { ...JSON_TYPE, accept: "application/json" }, body: PING }],
  ["PUT", 405, -32000, { method: "PUT", headers: JSON_TYPE, body: PING }],
  ["PATCH", 405, -32000, { method: "PATCH", headers: JSON_TYPE, body: PING }],
  ["GET without a connection", 405, -32000, { method: "GET", headers: { accept: "text/event-stream" } }],
  ["DELETE without a connection", 405, -32000, { method: "DELETE" }],
])("[mcp.1] %s is refused with %i, as an error of JSON-RPC, and the server goes on", async (_what, status, code, init) => {
  await using site = await serve();
  const response = await fetch(`${site.url}/mcp`, init);
  expect([response.status, response.headers.get("cache-control")]).toEqual([status, "no-store"]);
  expect(await response.json()).toMatchObject({ jsonrpc: "2.0", id: null, error: { code, message: expect.any(String) } });
  expect((await site.app.getEvents({ type: "a" })).events).toEqual([]);
  await using agent = await (CLIENTS["2026-07-28"] as (typeof CLIENTS)[string])(site.url);
  expect((await agent.call("nexus_list_workflows")).isError).not.toBe(true);
});

test("[mcp.1] a body above 1 MiB is refused however it comes, and one of 1 MiB is read", async () => {
  await using site = await serve();
  const chunks = (text: string): ReadableStream => new Blob([text]).stream();
  const send = async (body: string, streamed: boolean): Promise<number> => {
    const headers = { ...JSON_TYPE, accept: "application/json, text/event-stream" };
    const init = streamed ? { body: chunks(body), duplex: "half" } : { body };
    const response = await fetch(`${site.url}/mcp`, { method: "POST", headers, ...init } as RequestInit);
    await response.text();
    return response.status;
  };
  expect([await send(call(MIB + 1), true), await send(call(MIB + 1), false)]).toEqual([413, 413]);
  // Too large for an event: that is the tool's to say.
  expect([await send(call(MIB), true), await send(call(MIB), false)]).toEqual([200, 200]);
});

test.each(ERAS)("[mcp.1] %s: answers are kept by nobody on the way, and leave the connection to those at its ends", async (era) => {
  await using app = new Nexus({ store: memoryStore(), logger: silent });
  const line = await Line.open("http://localhost", era, {}, app.fetch);
  for (const [method, params] of [
    ["tools/list", {}],
    ["tools/call", { name: "nexus_list_events", arguments: {} }],
    ["tools/call", { name: "nexus_wait_for_events", arguments: { waitMs: 0 }, _meta: { progressToken: 1 } }],
    ["resources/read", { uri: "nexus://events" }],
    ["nonesuch", {}],
  ] as const) {
    const { headers } = await line.ask(method, params);
    expect([method, headers.get("cache-control"), headers.get("connection")]).toEqual([
      method,
      expect.stringMatching(/^no-(store|cache)/),
      null,
    ]);
  }
});

test("[access.4] [mcp.1] pages of an allowed origin may send what a client of MCP sends, and read what it is answered", async () => {
  const origin = "https://app.example";
  await using site = await serve({ http: { allowedOrigins: [origin] } });
  const ask = (from: string): Promise<Response> =>
    fetch(`${site.url}/mcp`, { method: "OPTIONS", headers: { origin: from, "access-control-request-method": "POST" } });
  const allowed = await ask(origin);
  const list = (name: string): string[] => (allowed.headers.get(`access-control-allow-${name}`) ?? "").toLowerCase().split(/, */);
  expect([allowed.status, list("origin")]).toEqual([204, [origin]]);
  expect(list("methods")).toEqual(expect.arrayContaining(["post", "get", "delete"]));
  const sent = ["content-type", "authorization", "mcp-protocol-version", "mcp-session-id", "mcp-method", "mcp-name", "last-event-id"];
  expect(list("headers")).toEqual(expect.arrayContaining(sent));
  expect([
    (await ask("https://evil.example")).status,
    (await ask("https://evil.example")).headers.get("access-control-allow-origin"),
  ]).toEqual([403, null]);
  for (const era of ERAS) {
    const { status, headers } = await (await Line.open(site.url, era, { origin })).ask("tools/list");
    expect([status, headers.get("access-control-allow-origin")]).toEqual([200, origin]);
    expect(headers.get("access-control-expose-headers")).toContain("mcp-session-id");
  }
});

test.each(Object.entries(CLIENTS))(
  "[app.4] [mcp.1] %s: agents are served by app.fetch without a port, and under a base path",
  async (_client, connect) => {
    await using app = new Nexus({ store: memoryStore(), logger: silent, workflows: WORKFLOWS });
    for (const [url, handler] of [
      ["http://localhost", app.fetch],
      ["http://localhost/deep/nexus", app.handler({ basePath: "/deep/nexus" })],
    ] as const) {
      await using agent = await connect(url, {}, { fetch: (to, init) => handler(new Request(to, init)) });
      expect((await agent.call("nexus_run_workflow", { workflow: "double", inputs: { n: 4 } })).structuredContent.result).toEqual({
        doubled: 8,
      });
      const waits = Promise.withResolvers<void>();
      const { cursor } = await app.emitEvent("a", 0);
      const waited = agent.call("nexus_wait_for_events", { cursor }, { onprogress: () => waits.resolve() });
      await waits.promise;
      await app.emitEvent("a", 1);
      expect((await waited).structuredContent.events).toMatchObject([{ data: 1 }]);
    }
  },
);

test.each(["/nexus/mcp/more", "/nexusx/mcp", "/mcp", "/nexus/nexus/mcp"])(
  "[app.4] [mcp.1] under a path, %s is nothing of MCP's",
  async (path) => {
    await using app = new Nexus({ store: memoryStore(), logger: silent });
    const request = new Request(`http://localhost${path}`, { method: "POST", headers: JSON_TYPE, body: PING });
    const response = await app.handler({ basePath: "/nexus" })(request);
    expect([response.status, ((await response.json()) as any).code]).toEqual([404, "NOT_FOUND"]);
  },
);
