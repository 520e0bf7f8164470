import { connect } from "node:net";
import { expect, test } from "vitest";
import { exchange, Raw } from "./fixtures/raw.ts";
import { serve } from "./fixtures/site.ts";
import { WORKFLOWS } from "./fixtures/workflows.ts";

// Before 24.9, Node leaves no choice: whatever asks for an upgrade is one.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
test.skipIf(major < 24 || (major === 24 && minor < 9))(
  "a client that offers HTTP/2 in an Upgrade header is answered as any other",
  async () => {
    await using site = await serve({ workflows: WORKFLOWS });
    const body = '{"inputs":{"n":2}}';
    const lines = [
      "POST /workflows/double/execute HTTP/1.1",
      "Host: localhost",
      "Upgrade: h2c",
      "Connection: Upgrade, HTTP2-Settings",
      "HTTP2-Settings: AAMAAABkAAQAAP__",
      `Content-Length: ${body.length}`,
    ];
    const { status } = await exchange(site.port, lines, body);
    expect(status).toBe(200);
  },
);

test("requests that come in one piece on one connection are answered in their order", async () => {
  await using site = await serve();
  await using raw = await Raw.open(site.port);
  const request = (path: string, last = false): string =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${last ? "Connection: close\r\n" : ""}\r\n`;
  raw.socket.write(request("/workflows") + request("/nothing") + request("/healthz", true));
  const text = await raw.all();
  expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual(["200", "404", "200"]);
});

test("HEAD is answered as GET, without a body", async () => {
  await using site = await serve();
  const response = await fetch(`${site.url}/workflows`, { method: "HEAD" });
  expect([response.status, await response.text()]).toEqual([200, ""]);
});

test("an address with a name that is encoded is that name's", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  expect((await site.get("/workflows/d%6Fuble")).body.name).toBe("double");
  expect((await site.get("/workflows/%zz")).body.code).toBe("WORKFLOW_NOT_FOUND");
});

test("an idempotency key is refused wherever something is recorded, rather than ignored", async () => {
  await using site = await serve();
  const { status, body } = await site.post("/events", { type: "a", data: 1 }, { "idempotency-key": "k" });
  expect([status, body.code]).toEqual([501, "OPTION_UNSUPPORTED"]);
  expect((await site.get("/events?type=a")).body.events).toEqual([]);
});

test("what is no HTTP is refused, and the server goes on", async () => {
  await using site = await serve();
  for (const bytes of ["\0\0\0\0", "GET\r\n\r\n", `GET / HTTP/1.1\r\nHost: localhost\r\nx: ${"y".repeat(64 * 1024)}\r\n\r\n`]) {
    await new Promise((resolve) => {
      const socket = connect(site.port, "127.0.0.1", () => socket.write(bytes));
      socket.on("error", () => {});
      socket.on("close", resolve);
      socket.resume();
    });
  }
  expect((await site.get("/workflows")).status).toBe(200);
});

test("answers are not kept by anyone on the way", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const kept: (string | null)[] = [];
  for (const path of ["/workflows", "/runs", "/events", "/events/poll?waitMs=0", "/nothing", "/healthz"])
    kept.push((await site.get(path)).headers.get("cache-control"));
  expect(new Set(kept)).toEqual(new Set(["no-store"]));
});
