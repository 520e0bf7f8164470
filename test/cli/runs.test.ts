import { createServer } from "node:http";
import { FatalError } from "nexus-event-system";
import { expect, test } from "vitest";
import { nexus } from "./nexus.ts";
import { shop } from "./shop.ts";

test("runs lists the newest first; in JSON, what the server answers", async () => {
  await using server = await shop();
  const { url } = server;
  await server.post("/workflows/import-orders/execute", { inputs: { file: "orders.csv" } });
  await server.post("/workflows/failing/execute", { inputs: {} });
  const { stdout } = await nexus(["runs"], { url });
  const [first, second] = stdout.split("\n");
  expect(first).toMatch(/^\w{6} {2}failed {5}failing {8}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d .* EACCES: permission denied/);
  expect(second).toMatch(/^\w{6} {2}completed {2}import-orders {2}\d{4}-\d\d-\d\d .* file=orders\.csv$/);
  expect(JSON.parse((await nexus(["runs", "--output", "json"], { url })).stdout)).toEqual(await server.get("/runs"));
  const failed = JSON.parse((await nexus(["runs", "--status", "failed", "--output", "json"], { url })).stdout);
  expect(failed.runs).toMatchObject([{ workflowName: "failing" }]);
  const page = await nexus(["runs", "--limit", "1"], { url });
  const before = / {2}older: nexus runs --limit 1 --before (\S+)/.exec(page.stderr)?.[1] ?? "";
  expect((await nexus(["runs", "--before", before], { url })).stdout).toContain("import-orders");
});

test("runs show tells a run step by step, from any unique ending of its id", async () => {
  await using server = await shop();
  const { url } = server;
  const { runId } = await server.post("/workflows/import-orders/execute", { inputs: { file: "orders.csv" } });
  const { stdout } = await nexus(["runs", "show", runId.slice(-4)], { url });
  const lines = stdout.replaceAll(/\d+(\.\d+)? m?s/g, "TIME").split("\n");
  expect(lines[0]).toMatch(/^import-orders {2}completed in TIME +run [\w-]{36}$/);
  expect(lines[1]).toMatch(/^ {2}by local on api, \d{4}-/);
  expect(lines.slice(2, 4)).toEqual(["  inputs  file=orders.csv", expect.stringContaining("  result  imported=997")]);
  expect(lines.slice(5).map((line) => line.replace(/^ +TIME +/, "").trimEnd())).toEqual([
    "started",
    "read     TIME",
    '! row.rejected  line=412 reason="2 columns, not 3"',
    "write    TIME",
    "completed",
    "",
  ]);
  const json = await nexus(["runs", "show", runId.slice(-6), "--output", "json"], { url });
  expect(JSON.parse(json.stdout)).toEqual(await server.get(`/runs/${runId}`));
});

test("[event.11] runs show tells what a run led to: events of handlers, a handler that failed, runs that they started, deliveries", async () => {
  await using server = await shop();
  const { app, url } = server;
  app.onEvent("row.rejected", () => app.emitEvent("clerk.told", { line: 412 }));
  app.onEvent("clerk.told", () => app.startRun("failing"));
  app.onEvent("clerk.told", () => {
    throw new Error("no clerk");
  });
  app.consumer("billing", { type: "row.rejected" }, () => {
    throw new FatalError("no such account");
  });
  app.consumer("audit", { type: "workflow.completed" }, () => app.emitEvent("audited", {}));
  const { runId } = await server.post("/workflows/import-orders/execute", { inputs: { file: "orders.csv" } });
  const last = ["workflow.failed", "handler.failed", "consumer.dead_lettered", "audited"];
  await expect.poll(async () => (await app.getEvents({ type: last })).events.length).toBe(4);
  const { stdout } = await nexus(["runs", "show", runId], { url });
  const [timeline = "", then = ""] = stdout.split(/^ {2}then {6}/m);
  expect(timeline).not.toContain("clerk.told");
  const other = (await app.runs.list({ workflow: "failing" })).runs[0]?.runId.slice(-6);
  expect(new Set(then.trimEnd().split(/\n {12}/))).toEqual(
    new Set([
      "clerk.told  line=412",
      "✖ a handler failed: no clerk",
      expect.stringMatching(`^run ${other} {2}failing failed in .*EACCES`),
      "✖ billing gave up after 1 try: no such account",
      "audited",
    ]),
  );
});

test("runs show tells the tries of a step that failed", async () => {
  await using server = await shop();
  await server.post("/workflows/failing/execute", { inputs: {} });
  const [{ runId }] = (await server.get("/runs")).runs;
  const { stdout } = await nexus(["runs", "show", runId], { url: server.url });
  expect(stdout).toMatch(/write +\d+ m?s +✖ EACCES: permission denied, open 'orders\.json' {2}try 2; try 1: EACCES$/m);
});

test("runs cancel ends a run; one that has ended another way is left, and exits 1", async () => {
  await using server = await shop();
  const { url } = server;
  const { runId } = await server.post("/workflows/endless/execute?waitMs=0", { inputs: {} });
  const cancelled = await nexus(["runs", "cancel", runId.slice(-6), "--reason", "no longer wanted", "--output", "json"], { url });
  expect(cancelled.code).toBe(0);
  expect(JSON.parse(cancelled.stdout)).toMatchObject({ runId, status: "cancelled", reason: "no longer wanted" });
  const done = await server.post("/workflows/import-orders/execute", { inputs: { file: "a" } });
  const late = await nexus(["runs", "cancel", done.runId], { url });
  expect([late.code, late.stdout]).toEqual([1, ""]);
  expect(late.stderr).toContain("had completed already");
});

test("an unknown run, and too short an ending, are wrong usage", async () => {
  await using server = await shop();
  const unknown = await nexus(["runs", "show", "ffff-ffff"], { url: server.url });
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('There is no run "ffff-ffff"');
  const short = await nexus(["runs", "show", "abc"], { url: server.url });
  expect(short.code).toBe(2);
  expect(short.stderr).toContain("at least the last 4 characters");
});

test("an ending that two runs share is not guessed at: both are named", async () => {
  // Two ids that end alike cannot be had from a real server on purpose.
  const runs = ["0198f3a4-aaaa-7000-8000-0000006f2c41", "0198f3a4-bbbb-7000-8000-1111116f2c41"].map((runId) => ({ runId }));
  const server = createServer((request, response) => {
    const one = request.url?.startsWith("/runs/") === true;
    const problem = {
      type: "urn:nexus:error:RUN_NOT_FOUND",
      title: "There is no such run.",
      status: 404,
      code: "RUN_NOT_FOUND",
      retryable: false,
      runId: "6f2c41",
    };
    response.writeHead(one ? 404 : 200, { "content-type": one ? "application/problem+json" : "application/json" });
    response.end(JSON.stringify(one ? problem : { runs, cursor: "abcdefghij.9", hasMore: false }));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const { code, stderr } = await nexus(["runs", "show", "6f2c41"], { url });
  server.close();
  expect(code).toBe(2);
  expect(stderr).toContain("2 runs end in 6f2c41");
  for (const { runId } of runs) expect(stderr).toContain(runId);
});
