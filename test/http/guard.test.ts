import { memoryStore, Nexus } from "nexus-event-system";
import { expect, test } from "vitest";
import { Peer, refusal } from "./fixtures/peer.ts";
import { exchange } from "./fixtures/raw.ts";
import { type Site, serve, silent } from "./fixtures/site.ts";

const INITIALIZE = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } },
});

/** How each way in answers to a Host and an Origin: HTTP, an event stream, a WebSocket, MCP. */
async function answers(site: Site, headers: { host?: string; origin?: string }): Promise<unknown[]> {
  const { host = `127.0.0.1:${site.port}`, origin } = headers;
  const lines = [`Host: ${host}`, ...(origin === undefined ? [] : [`Origin: ${origin}`])];
  const [http, post] = await Promise.all([
    exchange(site.port, ["GET /workflows HTTP/1.1", ...lines]),
    exchange(site.port, ["POST /events HTTP/1.1", ...lines, "Content-Length: 0"]),
  ]);
  const stream = await exchange(site.port, ["HEAD /events/stream HTTP/1.1", ...lines]);
  const accept = ["Content-Type: application/json", "Accept: application/json, text/event-stream"];
  const mcp = await exchange(site.port, ["POST /mcp HTTP/1.1", ...lines, ...accept, `Content-Length: ${INITIALIZE.length}`], INITIALIZE);
  const socket = await refusal(site.url, { headers: { host, ...(origin !== undefined && { origin }) } }).catch(
    (error: Error) => error.message,
  );
  return [
    [http.status, http.body.code],
    [post.status, post.body.code],
    stream.status,
    typeof socket === "string" ? socket : [socket.status, socket.body.code],
    [mcp.status, mcp.body.code],
  ];
}

const TAKEN = [[200, undefined], [422, "REQUEST_INVALID"], 200, "it was upgraded", [200, undefined]];

test.each([
  "evil.example",
  "evil.example:8000",
  "127.0.0.1.nip.io",
  "localhost.evil.example",
  "127.0.0.1.evil.example:80",
  "0.0.0.0",
  "192.168.1.10",
  "127.999.999.999",
  "[::]",
])("[access.4] the Host %s is refused on HTTP, stream, WebSocket and MCP alike", async (host) => {
  await using site = await serve();
  expect(await answers(site, { host })).toEqual([
    [403, "HOST_REFUSED"],
    [403, "HOST_REFUSED"],
    403,
    [403, "HOST_REFUSED"],
    [403, "HOST_REFUSED"],
  ]);
});

test.each(["localhost", "LOCALHOST:1", "127.0.0.1", "127.8.9.10:9999", "[::1]:8000"])(
  "[access.4] the loopback name %s is answered, on any port",
  async (host) => {
    await using site = await serve();
    expect(await answers(site, { host })).toEqual(TAKEN);
  },
);

test.each([
  "http://evil.example",
  "null",
  "http://localhost:1",
  "https://127.0.0.1.evil.example",
  "file://",
  "chrome-extension://abc",
  "rubbish",
  "http://evil.example@127.0.0.1",
])("[access.4] the Origin %s is refused on HTTP, stream, WebSocket and MCP alike", async (origin) => {
  await using site = await serve();
  expect(await answers(site, { origin })).toEqual([
    [403, "ORIGIN_REFUSED"],
    [403, "ORIGIN_REFUSED"],
    403,
    [403, "ORIGIN_REFUSED"],
    [403, "ORIGIN_REFUSED"],
  ]);
});

test("[access.4] the server's own origin is answered", async () => {
  await using site = await serve();
  expect(await answers(site, { origin: `http://127.0.0.1:${site.port}` })).toEqual(TAKEN);
});

test("[access.4] allowedHosts are answered, with any port unless they name one", async () => {
  await using site = await serve({ http: { allowedHosts: ["nexus.example", "other.example:8443"] } });
  for (const host of ["nexus.example", "NEXUS.example:81", "other.example:8443"]) expect(await answers(site, { host })).toEqual(TAKEN);
  for (const host of ["other.example", "sub.nexus.example"]) expect((await answers(site, { host }))[0]).toEqual([403, "HOST_REFUSED"]);
});

test("[access.4] allowedOrigins may call, and their pages may read the answers, refusals too", async () => {
  const origin = "https://app.example";
  await using site = await serve({ http: { allowedOrigins: [origin] } });
  expect(await answers(site, { origin })).toEqual(TAKEN);
  for (const path of ["/workflows", "/runs/none", "/nothing"]) {
    const { headers } = await site.get(path, { origin });
    expect([headers.get("access-control-allow-origin"), headers.get("vary")]).toEqual([origin, "origin"]);
  }
});

test("[access.4] allowedOrigins are told what they may send before they send it; others are told nothing", async () => {
  const origin = "https://app.example";
  await using site = await serve({ http: { allowedOrigins: [origin] } });
  const ask = (from: string): Promise<Response> =>
    fetch(`${site.url}/events`, { method: "OPTIONS", headers: { origin: from, "access-control-request-method": "POST" } });
  const allowed = await ask(origin);
  expect([allowed.status, allowed.headers.get("access-control-allow-origin"), allowed.headers.get("access-control-allow-methods")]).toEqual(
    [204, origin, "GET, POST, PATCH, DELETE"],
  );
  const other = await ask("https://evil.example");
  expect([other.status, other.headers.get("access-control-allow-origin")]).toEqual([403, null]);
});

test("[access.4] a stream that a page of an allowed origin reads says so in its headers", async () => {
  const origin = "https://app.example";
  await using site = await serve({ http: { allowedOrigins: [origin] } });
  const { headers, body } = await fetch(`${site.url}/events/stream`, { headers: { origin } });
  await body?.cancel();
  expect(headers.get("access-control-allow-origin")).toBe(origin);
});

test("[access.4] the absolute address of a request does not stand in for its Host", async () => {
  await using site = await serve();
  const { status } = await exchange(site.port, ["GET http://localhost/workflows HTTP/1.1", "Host: evil.example"]);
  expect(status).toBe(403);
});

test.each([
  ["no Host", ["GET /workflows HTTP/1.0"]],
  ["a Host that is none", ["GET /workflows HTTP/1.1", "Host: 127.0.0.1@evil.example"]],
  ["an address that is none", ["GET http://[ HTTP/1.1", "Host: localhost"]],
])("[access.4] a request with %s is refused, with a problem", async (_what, lines) => {
  await using site = await serve();
  expect(await exchange(site.port, lines)).toMatchObject({ status: 422, body: { code: "REQUEST_INVALID" } });
});

test.each(["/healthz", "/readyz"])("[access.4] %s answers to any Host and Origin, with a status and nothing else", async (path) => {
  await using site = await serve();
  const { status, body } = await exchange(site.port, [`GET ${path} HTTP/1.1`, "Host: evil.example", "Origin: https://evil.example"]);
  expect([status, body]).toEqual([200, { status: "ok" }]);
});

test("[access.4] /readyz says whether calls are taken; /healthz only that it lives", async () => {
  const app = new Nexus({ store: memoryStore(), logger: silent });
  const ask = async (path: string): Promise<unknown> => {
    const response = await app.fetch(new Request(`http://any.example${path}`));
    return [response.status, await response.json()];
  };
  expect([await ask("/readyz"), await ask("/healthz")]).toEqual([
    [503, { status: "unavailable" }],
    [200, { status: "ok" }],
  ]);
  await app.open();
  expect(await ask("/readyz")).toEqual([200, { status: "ok" }]);
  await app.stop();
  expect(await ask("/readyz")).toEqual([503, { status: "unavailable" }]);
});

test.each(["0.0.0.0", "::", "192.0.2.1", "nexus.example", ""])(
  "[access.3] without credentials it refuses to bind to %s, in words",
  async (host) => {
    await using app = new Nexus({ store: memoryStore(), logger: silent });
    const error: any = await app.start({ host, port: 0 }).catch((refused: unknown) => refused);
    expect([error.code, error.message]).toEqual(["BIND_REFUSED", expect.stringContaining("binds to this machine only")]);
  },
);

test("[access.3] allowedHosts do not make it bind wider", async () => {
  await using app = new Nexus({ store: memoryStore(), logger: silent, http: { host: "0.0.0.0", allowedHosts: ["nexus.example"] } });
  await expect(app.start({ port: 0 })).rejects.toMatchObject({ code: "BIND_REFUSED" });
});

test.each(["127.0.0.1", "localhost", "::1", "[::1]"])("[access.3] it binds to %s", async (host) => {
  await using app = new Nexus({ store: memoryStore(), logger: silent });
  const { url = "" } = await app.start({ host, port: 0 });
  expect((await fetch(`${url}/workflows`)).status).toBe(200);
  await using peer = await Peer.open(url);
  expect(peer.socket.protocol).toBe("nexus.v1");
});
