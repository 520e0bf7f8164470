import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Command, nexus } from "./nexus.ts";
import { Served } from "./served.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nexus-cli-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("start serves the app, says where on standard output, and what to try next beside it", async () => {
  await using server = await Served.open();
  expect(server.command.stdout).toBe(`listening on ${server.url}\n`);
  expect(server.command.stderr).toContain(`  nexus run long --url ${server.url}\n`);
  expect((await fetch(`${server.url}/workflows`)).status).toBe(200);
});

test("[app.3] SIGTERM stops the app: what is under way goes on at the next start, and the exit code is 0", async () => {
  await using server = await Served.open();
  await server.post("/workflows/long/execute?waitMs=0", { inputs: {} });
  server.command.signal("SIGTERM");
  const { code, stderr } = await server.command.ended;
  expect(code).toBe(0);
  expect(stderr).toContain("1 run goes on at the next start");
});

test("[run.3] an unhandled rejection is logged and counted, and the server goes on", async () => {
  await using server = await Served.open();
  for (const count of [1, 2]) {
    expect(await server.post("/workflows/reject/execute", { inputs: {} })).toMatchObject({ status: "completed" });
    await server.command.said(new RegExp(`nobody handles this.*"unhandledRejections":${count}`));
  }
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test("[run.3] an uncaught exception is logged, the app drains, and the exit code is 1", async () => {
  await using server = await Served.open();
  await server.post("/workflows/throw/execute", { inputs: {} });
  const { code, stderr } = await server.command.ended;
  expect(code).toBe(1);
  expect(stderr).toContain("nobody catches this");
});

test.each([
  ["missing.ts", undefined, 2, /missing\.ts: there is no such file/],
  ["named.ts", "export const app = { start() {}, stop() {}, emitEvent() {} };", 2, /exports its app as app; add: export default app/],
  ["nothing.ts", "export const x = 1;", 2, /has no default export/],
  ["class.ts", "export default class Shop {}", 2, /exports a class as default/],
  ["broken.ts", "throw new Error('at the top');", 1, /broken\.ts cannot be loaded[^]*at the top/],
  ["enum.ts", "enum A { B }\nexport default A;", 1, /no enums/],
])("start %s says what is wrong with the file", async (name, source, code, words) => {
  const file = join(folder, name);
  if (source !== undefined) await writeFile(file, source);
  const ended = await nexus(["start", file]);
  expect([ended.code, ended.stdout]).toEqual([code, ""]);
  expect(ended.stderr).toMatch(words);
});

test("start without a file takes app.ts of the folder, or says that there is none", async () => {
  const empty = await mkdtemp(join(folder, "empty-"));
  const none = await nexus(["start"], { cwd: empty });
  expect(none.code).toBe(2);
  expect(none.stderr).toContain("name the file that exports your app");
});

test("a port that is taken is said, and the process ends", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };
  const app = new URL("durable-app.ts", import.meta.url).pathname;
  const { code, stderr } = await nexus(["start", app, "--port", String(port)], { env: { NEXUS_DB: join(folder, "taken.db") } });
  other.close();
  expect(code).toBe(1);
  expect(stderr).toContain("listens on this port");
});

test("the second Ctrl-C ends a server at once", async () => {
  const file = join(folder, "stuck.ts");
  const source = `setInterval(() => {}, 1_000);
    export default { start: async () => ({ url: "http://127.0.0.1:1" }), stop: () => new Promise(() => {}), emitEvent() {} };`;
  await writeFile(file, source);
  await using command = new Command(["start", file]);
  await command.said(/nexus events tail/);
  command.signal("SIGINT");
  await command.said(/once more to end at once/);
  // What npm passes on along with the terminal's own signal comes at once, and is not a second one.
  command.signal("SIGINT");
  const again = setInterval(() => command.signal("SIGINT"), 100);
  const { code } = await command.ended.finally(() => clearInterval(again));
  expect(code).toBe(1);
});
