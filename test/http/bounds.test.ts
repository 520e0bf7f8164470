import { gzipSync } from "node:zlib";
import { expect, test, vi } from "vitest";
import { CLIENTS, type Connect } from "../mcp/fixtures/clients.ts";
import { Peer, refusal } from "./fixtures/peer.ts";
import { exchange, Raw } from "./fixtures/raw.ts";
import { type Site, serve } from "./fixtures/site.ts";
import { WORKFLOWS } from "./fixtures/workflows.ts";

const KIB = 1024;
const impatient = { limits: { headersMs: 200, requestMs: 400 } };

async function counters(site: Site): Promise<Readonly<Record<string, number>>> {
  return (await site.get("/health")).body.counters;
}

/** What is answered on a connection over which a request comes drop by drop, for as long as the server takes it. */
async function dripped(site: Site, { head = "", drop = "" }: { readonly head?: string; readonly drop?: string }): Promise<any> {
  await using raw = await Raw.open(site.port);
  raw.socket.write(head);
  const dripping = setInterval(() => raw.socket.write(drop), 20);
  const text = await raw.all();
  clearInterval(dripping);
  return JSON.parse(/\{.*\}/s.exec(text)?.[0] ?? "null");
}

test.each([
  ["headers come a byte at a time", { head: "GET /workflows HTTP/1.1\r\nHost: localhost\r\nx-slow: ", drop: "y" }],
  ["body stalls", { head: 'POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"type":' }],
  [
    "body comes a byte at a time",
    { head: "POST /events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", drop: "1\r\n \r\n" },
  ],
  ["first byte never comes", {}],
])("[access.5] a request whose %s is REQUEST_TIMEOUT, its connection ended, and it is counted", async (_what, request) => {
  await using site = await serve(impatient);
  expect(await dripped(site, request)).toMatchObject({ status: 408, code: "REQUEST_TIMEOUT", retryable: true });
  expect(await counters(site)).toMatchObject({ problems_request_timeout: 1 });
});

test("[access.5] many requests that never end hold up nobody, and all of them are let go", async () => {
  await using site = await serve(impatient);
  const slow = await Promise.all(Array.from({ length: 200 }, () => Raw.open(site.port)));
  for (const { socket } of slow) socket.write("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n");
  expect((await site.post("/events", { type: "a", data: 1 })).status).toBe(201);
  for (const raw of slow) raw.read();
  await Promise.all(slow.map(({ ended }) => ended));
  expect(await counters(site)).toMatchObject({ problems_request_timeout: 200 });
});

test("[access.5] a stalled request behind a stream on one connection costs the connection, and nothing is written into the stream", async () => {
  await using site = await serve(impatient);
  await using raw = await Raw.open(site.port);
  raw.socket.write("GET /events/stream HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /events HTTP/1.1\r\nHost: localhost\r\n");
  const text = await raw.all();
  expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
  expect(text).not.toContain("REQUEST_TIMEOUT");
  await vi.waitFor(async () => expect((await site.get("/health")).body).toMatchObject({ streams: 0 }));
});

test("[access.5] whoever asks, and takes nothing of the answers, is let go and counted; one that waits for an answer is not", async () => {
  await using site = await serve({ limits: { stuckMs: 300 }, workflows: WORKFLOWS });
  for (let n = 0; n < 16; n++) await site.app.emitEvent("large", { n, text: "x".repeat(200 * KIB) });
  await using waiting = await Raw.open(site.port);
  const call =
    "POST /workflows/waiting/execute?waitMs=100000 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  // Behind another answer, which was taken.
  waiting.socket.write(`GET /workflows HTTP/1.1\r\nHost: localhost\r\n\r\n${call}`);
  const answers = waiting.all();
  await using raw = await Raw.open(site.port);
  // Far more than what the system keeps for a connection.
  raw.socket.write("GET /events?type=large HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(16));
  await expect.poll(() => counters(site), { timeout: 8_000 }).toMatchObject({ slow_readers: 1 });
  raw.read();
  await raw.ended;
  expect(raw.size).toBeLessThan(16 * 16 * 200 * KIB);
  await site.app.emitEvent("go", {});
  expect(await answers).toContain('"status":"completed"');
});

test.each([
  ["101 headers", Array.from({ length: 99 }, (_, n) => `x-${n}: y`)],
  ["1,000 headers", Array.from({ length: 1_000 }, (_, n) => `x-${n}: y`)],
  ["a header of 17 KiB", [`x: ${"y".repeat(17 * KIB)}`]],
  ["an endless address", []],
])("[access.5] %s are HEADERS_TOO_LARGE on HTTP and WebSocket, and none is left out in silence", async (what, more) => {
  await using site = await serve();
  const path = what === "an endless address" ? `/events?type=${"a".repeat(17 * KIB)}` : "/events";
  const { status, body } = await exchange(site.port, [`GET ${path} HTTP/1.1`, "Host: localhost", ...more]);
  expect([status, body.code]).toEqual([431, "HEADERS_TOO_LARGE"]);
  const headers = Object.fromEntries(more.map((line) => line.split(": ", 2) as [string, string]));
  const refused = await refusal(site.url, { headers, path: path.replace("/events", "/events/ws") });
  expect([refused.status, refused.body.code]).toEqual([431, "HEADERS_TOO_LARGE"]);
  expect(await counters(site)).toMatchObject({ problems_headers_too_large: 2 });
});

test("[access.5] a hundred headers are read, the last one too", async () => {
  await using site = await serve();
  const more = Array.from({ length: 97 }, (_, n) => `x-${n}: y`);
  const { status, body } = await exchange(site.port, ["GET /events HTTP/1.1", "Host: localhost", ...more, "Origin: https://evil.example"]);
  expect([status, body.code]).toEqual([403, "ORIGIN_REFUSED"]);
});

test("[access.5] what is no HTTP is told so, and counted", async () => {
  await using site = await serve();
  await using raw = await Raw.open(site.port);
  raw.socket.write("\0\0\0\0\r\n\r\n");
  expect(await raw.all()).toContain('"code":"PROTOCOL_INVALID"');
  expect(await counters(site)).toMatchObject({ problems_protocol_invalid: 1 });
});

test("[access.5] connections beyond what is allowed are refused and counted; one that ends makes room", async () => {
  await using site = await serve({ limits: { connections: 3 } });
  const open = await Promise.all(Array.from({ length: 3 }, () => Raw.open(site.port)));
  for (let n = 0; n < 2; n++) {
    await using refused = await Raw.open(site.port);
    refused.read();
    await refused.ended;
  }
  await Promise.all(open.map((raw) => raw[Symbol.asyncDispose]()));
  await vi.waitFor(async () => expect(await counters(site)).toMatchObject({ connections_refused: expect.any(Number) }));
  expect((await counters(site))["connections_refused"]).toBeGreaterThanOrEqual(2);
});

/** A thousandth of what it would become. */
const bomb = gzipSync(JSON.stringify({ type: "a", data: "x".repeat(20 * KIB * KIB) }));

test.each(["gzip", "br", "deflate", "GZIP, identity"])(
  "[access.5] a body encoded as %s is refused, and never inflated",
  async (encoding) => {
    await using site = await serve();
    for (const path of ["/events", "/mcp"]) {
      const lines = [`POST ${path} HTTP/1.1`, "Host: localhost", "Content-Type: application/json", `Content-Encoding: ${encoding}`];
      const answer = await exchange(site.port, [...lines, `Content-Length: ${bomb.length}`], bomb);
      expect([answer.status, answer.body.code, answer.body.encoding]).toEqual([415, "ENCODING_UNSUPPORTED", encoding]);
      expect(answer.head.toLowerCase()).toContain("accept-encoding: identity");
    }
    expect(await counters(site)).toMatchObject({ problems_encoding_unsupported: 2 });
  },
);

test("[access.5] a body of more than 1 MiB is BODY_TOO_LARGE on every address, with a length as in chunks, and counted", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const large = " ".repeat(KIB * KIB + 1);
  const chunks = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`;
  const paths = ["/events", "/workflows/double/execute", "/sessions", "/mcp"];
  for (const path of paths) {
    const lines = [
      `POST ${path} HTTP/1.1`,
      "Host: localhost",
      "Content-Type: application/json",
      "Accept: application/json, text/event-stream",
    ];
    expect((await exchange(site.port, [...lines, "Transfer-Encoding: chunked"], chunks)).status).toBe(413);
    expect((await exchange(site.port, [...lines, `Content-Length: ${large.length}`], large)).status).toBe(413);
  }
  expect(await counters(site)).toMatchObject({ problems_body_too_large: 2 * paths.length });
});

test("[access.5] a frame of more than 1 MiB closes its WebSocket, and is counted", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  peer.send(JSON.stringify({ op: "emit", id: "1", input: { type: "a", data: "x".repeat(KIB * KIB) } }));
  expect((await peer.closed).code).toBe(1009);
  await vi.waitFor(async () =>
    expect((await site.get("/health")).body).toMatchObject({ streams: 0, counters: { problems_body_too_large: 1 } }),
  );
});

const DEPTHS = [65, 100_000];
const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

test.each(DEPTHS.flatMap((depth) => ["/events", "/workflows/failing/execute", "/sessions", "/mcp"].map((path) => [depth, path] as const)))(
  "[access.5] JSON nested %s deep is refused in words at %s, and the server lives",
  async (depth, path) => {
    await using site = await serve({ workflows: WORKFLOWS });
    const bodies: Readonly<Record<string, string>> = {
      "/events": `{"type":"a","data":${deep(depth)}}`,
      "/workflows/failing/execute": `{"inputs":${deep(depth)}}`,
      "/sessions": `{"data":${deep(depth)}}`,
      "/mcp": `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nexus_emit_event","arguments":{"type":"a","data":${deep(depth)}}}}`,
    };
    const accept = path === "/mcp" ? { accept: "application/json, text/event-stream" } : {};
    const response = await fetch(site.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...accept },
      body: bodies[path] as string,
    });
    const text = await response.text();
    expect(text).toMatch(/nested|deep/);
    expect(text).not.toContain("INTERNAL");
    expect((await site.get("/events?type=a")).body.events).toEqual([]);
  },
);

test.each(DEPTHS)("[access.5] JSON nested %s deep is refused in words over a WebSocket, and as a filter", async (depth) => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  expect(await peer.ask(`{"op":"emit","id":"1","input":{"type":"a","data":${deep(depth)}}}`)).toMatchObject({
    id: "1",
    code: "EVENT_INVALID",
  });
  expect(await peer.ask(`{"op":"subscribe","id":"2","filter":{"type":${deep(depth)}}}`)).toMatchObject({ id: "2", code: "FILTER_INVALID" });
  expect(await peer.ask({ op: "ping", id: "3" })).toMatchObject({ kind: "reply" });
});

test("[access.5] a filter of 10,000 values, and one of more than 8 KiB, is FILTER_INVALID wherever it can be sent, and counted", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  const many = Array.from({ length: 10_000 }, (_, n) => `t.${n}`);
  const large = Array.from({ length: 64 }, (_, n) => `${"t".repeat(120)}.${n}`);
  const fields = ["type", "runId", "sessionId"];
  for (const values of [many, large]) {
    const filter = values === many ? { type: many } : Object.fromEntries(fields.map((field) => [field, large]));
    expect(await peer.ask({ op: "subscribe", id: "1", filter })).toMatchObject({
      id: "1",
      code: "FILTER_INVALID",
      field: expect.any(String),
    });
    await using agent = await (CLIENTS["2026-07-28"] as Connect)(site.url);
    const answer = await agent.call("nexus_wait_for_events", { filter, waitMs: 0 });
    expect([answer.isError, answer.content[0]?.text]).toEqual([true, expect.stringMatching(/64 values|8192 bytes/)]);
  }
  const query = fields.map((field) => `${field}=${large.slice(0, 40).join(",")}`).join("&");
  expect((await site.get(`/events/stream?${query}`)).body).toMatchObject({ status: 400, code: "FILTER_INVALID" });
  expect((await counters(site))["problems_filter_invalid"]).toBe(5);
});
