import { connect } from "node:net";
import { expect, test } from "vitest";
import { exchange } from "./fixtures/raw.ts";
import { type Site, serve } from "./fixtures/site.ts";
import { WORKFLOWS } from "./fixtures/workflows.ts";

const MIB = 1024 * 1024;

function send(site: Site, body: Buffer | string, headers: readonly string[] = []): ReturnType<typeof exchange> {
  return exchange(
    site.port,
    [
      "POST /events HTTP/1.1",
      "Host: localhost",
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...headers,
    ],
    body,
  );
}

test("a body that says it is larger than 1 MiB is 413 before it is sent", async () => {
  await using site = await serve();
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(site.port, "127.0.0.1", () => {
      socket.write(`POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${10 * MIB}\r\n\r\n{`);
    });
    socket.once("data", (data) => {
      resolve(data.toString());
      socket.destroy();
    });
  });
  expect(answer).toContain("413");
  expect(answer).toContain("BODY_TOO_LARGE");
});

test("a body without a length is 413 as soon as it is larger than 1 MiB", async () => {
  await using site = await serve();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent += 65_536;
      controller.enqueue(new Uint8Array(65_536).fill(0x20));
      if (sent > 64 * MIB) controller.close();
    },
  });
  const response = await site.app.fetch(new Request("http://localhost/events", { method: "POST", body, duplex: "half" } as RequestInit));
  expect([response.status, ((await response.json()) as any).limit, sent < 2 * MIB]).toEqual([413, MIB, true]);
});

test("a chunked body over the network is 413 too, and the server goes on", async () => {
  await using site = await serve();
  const chunk = `${(MIB + 1).toString(16)}\r\n${" ".repeat(MIB + 1)}\r\n0\r\n\r\n`;
  const { status, body } = await exchange(site.port, ["POST /events HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked"], chunk);
  expect([status, body.code]).toEqual([413, "BODY_TOO_LARGE"]);
  expect((await site.get("/workflows")).status).toBe(200);
});

test("a body of exactly 1 MiB is read", async () => {
  await using site = await serve();
  const frame = JSON.stringify({ type: "a", data: "" });
  const { status, body } = await send(site, JSON.stringify({ type: "a", data: "x".repeat(MIB - frame.length) }));
  expect([status, body.code]).toEqual([413, "EVENT_TOO_LARGE"]);
});

test.each([
  ["half of an object", '{"type":"a","data":'],
  ["text", "type=a&data=1"],
  ["a trailing comma", '{"type":"a","data":1,}'],
  ["an array", "[]"],
  ["null", "null"],
  ["a number", "1"],
  ["a byte order mark alone", "\ufeff"],
])("%s is 400 BODY_INVALID, with the reason", async (_what, body) => {
  await using site = await serve();
  const answer = await send(site, body);
  expect([answer.status, answer.body.code, typeof answer.body.reason]).toEqual([400, "BODY_INVALID", "string"]);
});

test("bytes that are not UTF-8 are 400, not replaced", async () => {
  await using site = await serve();
  const answer = await send(site, Buffer.concat([Buffer.from('{"type":"a","data":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]));
  expect([answer.status, answer.body.code]).toEqual([400, "BODY_INVALID"]);
  expect((await site.get("/events?type=a")).body.events).toEqual([]);
});

test("a lone surrogate, escaped, is refused with its path", async () => {
  await using site = await serve();
  const answer = await send(site, '{"type":"a","data":{"deep":["\\ud800"]}}');
  expect([answer.status, answer.body.code, answer.body.faults[0].path]).toEqual([422, "EVENT_INVALID", "data.deep.0"]);
});

test.each([
  ["65 deep", 65, 422, "EVENT_INVALID"],
  ["100,000 deep", 100_000, 422, "EVENT_INVALID"],
])("[event.7] data nested %s is refused, and the server lives", async (_what, depth, status, code) => {
  await using site = await serve();
  const answer = await send(site, `{"type":"a","data":${"[".repeat(depth)}${"]".repeat(depth)}}`);
  expect([answer.status, answer.body.code]).toEqual([status, code]);
  expect((await site.get("/workflows")).status).toBe(200);
});

test.each([
  ["/events", { type: "a", data: 1, userId: "root", visibility: "public" }, ["userId", "visibility"]],
  ["/events", { type: 1, data: 1, broadcast: "yes" }, ["broadcast", "type"]],
  ["/events", {}, ["data", "type"]],
  ["/workflows/double/execute", { inputs: { n: 1 }, input: 1 }, ["input"]],
  ["/workflows/double/execute", { sessionId: 1 }, ["sessionId"]],
  ["/runs/x/cancel", { why: "?", reason: 1 }, ["reason", "why"]],
])("%s refuses what does not fit (%j) with every path", async (path, body, paths) => {
  await using site = await serve({ workflows: WORKFLOWS });
  const answer = await site.post(path, body);
  expect([answer.status, answer.body.code, answer.body.faults.map((fault: any) => fault.path).sort()]).toEqual([
    422,
    "REQUEST_INVALID",
    paths,
  ]);
});

test("__proto__ in a body is a field that there is not, and reaches no prototype", async () => {
  await using site = await serve();
  const answer = await send(site, '{"type":"a","data":1,"__proto__":{"broadcast":true}}');
  expect([answer.status, ({} as any).broadcast]).toEqual([422, undefined]);
});

test("no body at all is an empty object", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  expect((await site.post("/workflows/waiting/execute?waitMs=0")).status).toBe(202);
});

test("metadata that is no object is refused with its path", async () => {
  await using site = await serve();
  const { status, body } = await site.post("/events", { type: "a", data: 1, metadata: [1] });
  expect([status, body.faults[0].path]).toEqual([422, "metadata"]);
});
