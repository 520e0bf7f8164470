import { expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";

test("a run that completes in time is 200 with runId, status, result, durationMs and cursor", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const { status, body } = await site.post("/workflows/double/execute", { inputs: { n: 21 } });
  const { durationMs } = (await site.get(`/events?type=workflow.completed&runId=${body.runId}`)).body.events[0].data;
  expect([status, body]).toEqual([
    200,
    { runId: expect.any(String), status: "completed", result: { doubled: 42 }, durationMs, cursor: expect.any(String) },
  ]);
});

test("a run that goes on is 202 with runId, status and cursor", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const { status, body } = await site.post("/workflows/waiting/execute?waitMs=50");
  expect([status, body]).toEqual([202, { runId: expect.any(String), status: "waiting", cursor: expect.any(String) }]);
});

test("a run that has no place yet is 202 and queued", async () => {
  const { defineWorkflow } = await import("nexus-event-system");
  const one = defineWorkflow("one", { concurrency: 1 }, async (_inputs, ctx) => {
    await ctx.step("wait", ({ signal }) => new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())));
  });
  await using site = await serve({ workflows: [one] });
  await site.post("/workflows/one/execute?waitMs=0");
  expect((await site.post("/workflows/one/execute?waitMs=0")).body.status).toBe("queued");
});

test("a run that fails is 500 WORKFLOW_FAILED, for good, with runId, cursor and error, and no stack", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const { status, headers, body } = await site.post("/workflows/failing/execute");
  expect([status, headers.get("content-type")]).toEqual([500, "application/problem+json"]);
  expect(body).toMatchObject({
    code: "WORKFLOW_FAILED",
    retryable: false,
    runId: expect.any(String),
    cursor: expect.any(String),
    error: { name: "Error", message: "disk full", code: "ENOSPC", step: "write" },
  });
  expect(JSON.stringify(body)).not.toMatch(/\.ts|node_modules|at /);
});

test("a run that is cancelled while one waits for it is 409", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  await using stream = await Stream.open(`${site.url}/events/stream?type=workflow.started`);
  const executed = site.post("/workflows/waiting/execute");
  const { runId } = (await stream.next()).data;
  await site.post(`/runs/${runId}/cancel`, { reason: "enough" });
  expect(await executed).toMatchObject({ status: 409, body: { code: "RUN_CANCELLED", runId, reason: "enough" } });
});

test.each([
  ["double", { inputs: { n: 1 } }, ""],
  ["failing", {}, ""],
  ["waiting", {}, "?waitMs=0"],
])("[subscription.8] the cursor is the place just before the run's first event (%s)", async (workflow, body, query) => {
  await using site = await serve({ workflows: WORKFLOWS });
  // Others before and after, so that the place means something.
  for (let n = 0; n < 3; n++) void site.app.emitEvent("noise", n);
  const answered = site.post(`/workflows/${workflow}/execute${query}`, body);
  for (let n = 0; n < 3; n++) void site.app.emitEvent("noise", n);
  const { runId, cursor } = (await answered).body;
  const all = (await site.get("/events?after=earliest&limit=1000")).body.events;
  const first = all.findIndex((event: any) => event.runId === runId);
  expect(cursor).toBe(all[first - 1].cursor);
});

test("[subscription.8] start, then watch: the stream from the answer's cursor has the run from its first event on", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const { runId, cursor } = (await site.post("/workflows/waiting/execute?waitMs=0")).body;
  await site.app.emitEvent("go", 1);
  await using stream = await Stream.open(`${site.url}/events/stream?type=workflow.*&runId=${runId}&after=${cursor}`);
  expect((await stream.events(2)).map((event) => event.type)).toEqual(["workflow.started", "workflow.completed"]);
});

test("[run.6] inputs that do not fit are 422 with every path, and there is no run", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const { status, body } = await site.post("/workflows/double/execute", { inputs: { n: "x", of: { unit: 1 } } });
  expect([status, body.code, body.faults.map((fault: any) => fault.path).sort()]).toEqual([422, "INPUT_INVALID", ["n", "of.unit"]]);
  expect((await site.get("/runs")).body.runs).toEqual([]);
});

test("a workflow that there is not is 404, with names that are like it", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const { status, body } = await site.post("/workflows/duoble/execute");
  expect([status, body.code, body.workflow, body.similar]).toEqual([404, "WORKFLOW_NOT_FOUND", "duoble", ["double"]]);
});

test("Nexus-Channel says where a run came from", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  await site.post("/workflows/double/execute", { inputs: { n: 1 } }, { "nexus-channel": "cli" });
  expect((await site.get("/events?channel=cli")).body.events.map((event: any) => event.type)).toContain("workflow.started");
});

test("a Nexus-Channel that there is not is refused", async () => {
  await using site = await serve();
  const { status, body } = await site.get("/workflows", { "nexus-channel": "mcp" });
  expect([status, body.faults[0].path]).toEqual([422, "Nexus-Channel"]);
});
