import { defineWorkflow } from "nexus-event-system";
import { expect, test } from "vitest";
import { nexus } from "../cli/nexus.ts";
import { Peer } from "../http/fixtures/peer.ts";
import { type Site, serve } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { CLIENTS } from "../mcp/fixtures/clients.ts";

/** What a channel answers to the same call: the run's end, or the error's code. */
interface Answered {
  readonly runId?: string;
  readonly cursor?: string;
  readonly result?: unknown;
  readonly code?: string;
}
type Ask = (site: Site, workflow: string, inputs: object, idempotencyKey: string) => Promise<Answered>;

const told = ({ runId, cursor, result, code }: Answered): Answered => ({
  ...(runId !== undefined && { runId }),
  ...(cursor !== undefined && { cursor }),
  ...(result !== undefined && { result }),
  ...(code !== undefined && { code }),
});

/** The ways to run a workflow under a key. */
const CHANNELS: Readonly<Record<string, Ask>> = {
  "in process": async ({ app }, workflow, inputs, idempotencyKey) => {
    try {
      // Whoever calls over the wire, without credentials, is `local`.
      const run = await app.startRun(workflow, inputs as {}, { idempotencyKey, userId: "local" });
      return { runId: run.runId, cursor: run.cursor, result: await run.result() };
    } catch (error: any) {
      return { ...error.details, code: error.code };
    }
  },
  "HTTP, as a header": async (site, workflow, inputs, key) =>
    (await site.post(`/workflows/${workflow}/execute`, { inputs }, { "idempotency-key": key })).body,
  "HTTP, in the body": async (site, workflow, inputs, idempotencyKey) =>
    (await site.post(`/workflows/${workflow}/execute`, { inputs, idempotencyKey })).body,
  WebSocket: async (site, workflow, inputs, idempotencyKey) => {
    await using peer = await Peer.open(site.url);
    const answer = await peer.ask({ op: "execute", id: "1", input: { workflow, inputs, idempotencyKey } });
    return answer.kind === "reply" ? answer.result : answer;
  },
  ...Object.fromEntries(
    Object.entries(CLIENTS).map(([client, connect]): [string, Ask] => [
      `MCP, ${client}`,
      async (site, workflow, inputs, idempotencyKey) => {
        await using agent = await connect(site.url);
        const { content } = await agent.call("nexus_run_workflow", { workflow, inputs, idempotencyKey });
        return JSON.parse(content.at(-1)?.text ?? "");
      },
    ]),
  ),
  "command line": async (site, workflow, inputs, key) => {
    const args = ["run", workflow, "--inputs", JSON.stringify(inputs), "--idempotency-key", key, "--output", "json"];
    return JSON.parse((await nexus(args, { url: site.url })).stdout);
  },
};

test("[run.4] [run.6] a key means the same on every channel: one run, one result, one failure, one conflict", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const answers: Record<string, Answered[]> = {};
  for (const [channel, ask] of Object.entries(CHANNELS)) {
    answers[channel] = [
      told(await ask(site, "double", { n: 21 }, "k-1")),
      told(await ask(site, "failing", {}, "k-1")),
      told(await ask(site, "double", { n: 22 }, "k-1")),
      told(await ask(site, "double", { n: 21 }, "a b")),
    ];
  }
  const [first, ...others] = Object.values(answers);
  expect(first).toEqual([
    { runId: expect.any(String), cursor: expect.any(String), result: { doubled: 42 } },
    { runId: expect.any(String), cursor: expect.any(String), code: "WORKFLOW_FAILED" },
    { runId: first?.[0]?.runId, code: "IDEMPOTENCY_CONFLICT" },
    { code: "OPTION_INVALID" },
  ]);
  for (const other of others) expect(other).toEqual(first);
  expect((await site.get("/runs")).body.runs).toHaveLength(2);
}, 60_000);

test("[run.4] HTTP answers a run that has ended at once, whatever waitMs says, and one that goes on with 202 or its end", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const key = { "idempotency-key": "k" };
  const begun = await site.post("/workflows/waiting/execute?waitMs=0", {}, key);
  expect(begun.status).toBe(202);
  const second = site.post("/workflows/waiting/execute", {}, key);
  expect((await site.post("/workflows/waiting/execute?waitMs=10", {}, key)).status).toBe(202);
  await site.app.emitEvent("go", {});
  const end = { runId: begun.body.runId, status: "completed", result: "gone", durationMs: expect.any(Number), cursor: begun.body.cursor };
  expect(await second).toMatchObject({ status: 200, body: end });
  expect(await site.post("/workflows/waiting/execute?waitMs=0", {}, key)).toMatchObject({ status: 200, body: end });
});

test("[run.4] a command that finds a cancelled run ends as that run did", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const { runId } = (await site.post("/workflows/endless/execute?waitMs=0", {}, { "idempotency-key": "k" })).body;
  await site.post(`/runs/${runId}/cancel`, { reason: "enough" });
  const { code, stdout } = await nexus(["run", "endless", "--idempotency-key", "k", "--output", "json"], { url: site.url });
  expect([code, JSON.parse(stdout)]).toMatchObject([1, { code: "RUN_CANCELLED", runId, reason: "enough" }]);
});

test("[run.4] a conflict over HTTP is 409, for good, and names the run", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const { runId } = (await site.post("/workflows/double/execute", { inputs: { n: 1 }, idempotencyKey: "k" })).body;
  const { status, body } = await site.post("/workflows/double/execute", { inputs: { n: 2 }, idempotencyKey: "k" });
  expect([status, body.code, body.retryable, body.runId]).toEqual([409, "IDEMPOTENCY_CONFLICT", false, runId]);
});

test("[run.4] a key that differs between header and body is refused, and there is no run", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const { status, body } = await site.post(
    "/workflows/double/execute",
    { inputs: { n: 1 }, idempotencyKey: "a" },
    { "idempotency-key": "b" },
  );
  expect([status, body.code, body.faults[0].path]).toEqual([422, "REQUEST_INVALID", "idempotencyKey"]);
  expect((await site.get("/runs")).body.runs).toEqual([]);
});

test.each([
  ["GET", "/workflows"],
  ["POST", "/events"],
  ["POST", "/runs/x/cancel"],
])("[run.4] %s %s promises nothing under a key: 501", async (method, path) => {
  await using site = await serve({ workflows: [defineWorkflow("x", () => 1)] });
  const headers = { "idempotency-key": "k" };
  const { status, body } = method === "GET" ? await site.get(path, headers) : await site.post(path, { type: "x", data: 1 }, headers);
  expect([status, body.code, body.option]).toEqual([501, "OPTION_UNSUPPORTED", "Idempotency-Key"]);
});
