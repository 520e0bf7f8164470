import { FatalError } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { replyOf, type Site, serve } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { CLIENTS, type ToolAnswer } from "./fixtures/clients.ts";

/** A request that is refused over HTTP, beside the same as a call of a tool. */
type Refused = readonly [tool: string, args: object, method: string, path: string, body?: unknown];

const NONE = "0198f3a4-0000-7000-8000-000000000000";
const ELSEWHERE = "abcdefghij.3.1kf0";
const REFUSED: readonly Refused[] = [
  ["describe_workflow", { name: "duble" }, "GET", "/workflows/duble"],
  ["run_workflow", { workflow: "duble" }, "POST", "/workflows/duble/execute"],
  [
    "run_workflow",
    { workflow: "double", inputs: { n: "x", of: { unit: 1 } } },
    "POST",
    "/workflows/double/execute",
    { inputs: { n: "x", of: { unit: 1 } } },
  ],
  ["run_workflow", { workflow: "double", inputs: [1] }, "POST", "/workflows/double/execute", { inputs: [1] }],
  [
    "run_workflow",
    { workflow: "double", inputs: { n: 1 }, sessionId: "ended" },
    "POST",
    "/workflows/double/execute",
    { inputs: { n: 1 }, sessionId: "ended" },
  ],
  [
    "run_workflow",
    { workflow: "double", inputs: { n: 1 }, sessionId: 5 },
    "POST",
    "/workflows/double/execute",
    { inputs: { n: 1 }, sessionId: 5 },
  ],
  [
    "run_workflow",
    { workflow: "double", inputs: { n: 1 }, metadata: 5 },
    "POST",
    "/workflows/double/execute",
    { inputs: { n: 1 }, metadata: 5 },
  ],
  [
    "run_workflow",
    { workflow: "double", inputs: { n: 1 }, idempotencyKey: "a b" },
    "POST",
    "/workflows/double/execute",
    { inputs: { n: 1 }, idempotencyKey: "a b" },
  ],
  [
    "run_workflow",
    { workflow: "double", inputs: { n: 1 }, waitMs: -1 },
    "POST",
    "/workflows/double/execute?waitMs=-1",
    { inputs: { n: 1 } },
  ],
  [
    "run_workflow",
    { workflow: "double", inputs: { n: 1 }, input: { n: 1 } },
    "POST",
    "/workflows/double/execute",
    { inputs: { n: 1 }, input: { n: 1 } },
  ],
  ["run_workflow", { workflow: "failing" }, "POST", "/workflows/failing/execute"],
  ["list_runs", { status: "done" }, "GET", "/runs?status=done"],
  ["list_runs", { before: "rubbish" }, "GET", "/runs?before=rubbish"],
  ["list_runs", { session: "s" }, "GET", "/runs?session=s"],
  ["get_run", { runId: NONE }, "GET", `/runs/${NONE}`],
  ["list_run_events", { runId: NONE }, "GET", `/runs/${NONE}/events`],
  ["cancel_run", { runId: NONE }, "POST", `/runs/${NONE}/cancel`, {}],
  ["cancel_run", { runId: NONE, reason: "x".repeat(1001) }, "POST", `/runs/${NONE}/cancel`, { reason: "x".repeat(1001) }],
  ["list_events", { limit: 0 }, "GET", "/events?limit=0"],
  ["list_events", { order: "up" }, "GET", "/events?order=up"],
  ["list_events", { after: "rubbish" }, "GET", "/events?after=rubbish"],
  ["list_events", { after: ELSEWHERE }, "GET", `/events?after=${ELSEWHERE}`],
  ["list_events", { filter: { typ: "a" } }, "GET", "/events?typ=a"],
  ["list_events", { filter: { type: "a*" } }, "GET", "/events?type=a*"],
  ["list_events", { filter: { type: "" } }, "GET", "/events?type="],
  ["list_events", { filter: { broadcast: "all" } }, "GET", "/events?broadcast=all"],
  ["list_events", { filter: { since: "yesterday" } }, "GET", "/events?since=yesterday"],
  [
    "list_events",
    { filter: { runId: Array.from({ length: 65 }, (_, n) => `r${n}`) } },
    "GET",
    `/events?runId=${Array.from({ length: 65 }, (_, n) => `r${n}`).join(",")}`,
  ],
  ["wait_for_events", { cursor: "rubbish" }, "GET", "/events/poll?after=rubbish"],
  ["wait_for_events", { cursor: ELSEWHERE }, "GET", `/events/poll?after=${ELSEWHERE}`],
  ["wait_for_events", { waitMs: 50_001 }, "GET", "/events/poll?waitMs=50001"],
  ["wait_for_events", { onLoss: "latest" }, "GET", "/events/poll?onLoss=latest"],
  ["wait_for_events", { filter: { since: "2030-01-01T00:00:00Z" } }, "GET", "/events/poll?since=2030-01-01T00:00:00Z"],
  ["emit_event", { type: "a" }, "POST", "/events", { type: "a" }],
  ["emit_event", { type: "workflow.started", data: 1 }, "POST", "/events", { type: "workflow.started", data: 1 }],
  ["emit_event", { type: "a b", data: 1 }, "POST", "/events", { type: "a b", data: 1 }],
  ["emit_event", { type: "a", data: 1, id: "a,b" }, "POST", "/events", { type: "a", data: 1, id: "a,b" }],
  ["emit_event", { type: "a", data: 2, id: "taken" }, "POST", "/events", { type: "a", data: 2, id: "taken" }],
  ["emit_event", { type: "a", data: "x".repeat(300_000) }, "POST", "/events", { type: "a", data: "x".repeat(300_000) }],
  ["emit_event", { type: "a", data: 1, metadata: [1] }, "POST", "/events", { type: "a", data: 1, metadata: [1] }],
  ["emit_event", { type: "a", data: 1, broadcast: "yes" }, "POST", "/events", { type: "a", data: 1, broadcast: "yes" }],
  ["emit_event", { type: "a", data: 1, channel: "api" }, "POST", "/events", { type: "a", data: 1, channel: "api" }],
  ["describe_event_type", { name: "none" }, "GET", "/event-types/none"],
  ["create_session", { data: 5 }, "POST", "/sessions", { data: 5 }],
  ["create_session", { ttlMs: 0 }, "POST", "/sessions", { ttlMs: 0 }],
  ["create_session", { data: { a: "x".repeat(70_000) } }, "POST", "/sessions", { data: { a: "x".repeat(70_000) } }],
  ["list_sessions", { userId: "" }, "GET", "/sessions?userId="],
  ["get_session", { sessionId: NONE }, "GET", `/sessions/${NONE}`],
  ["update_session", { sessionId: NONE, changes: { a: 1 } }, "PATCH", `/sessions/${NONE}`, { a: 1 }],
  ["update_session", { sessionId: "ended", changes: { a: 1 } }, "PATCH", "/sessions/ended", { a: 1 }],
  ["join_session", { sessionId: NONE }, "POST", `/sessions/${NONE}/join`, {}],
  ["end_session", { sessionId: NONE }, "POST", `/sessions/${NONE}/end`, {}],
  ["end_session", { sessionId: NONE, why: "done" }, "POST", `/sessions/${NONE}/end`, { why: "done" }],
  ["get_consumer", { name: "none" }, "GET", "/consumers/none"],
  ["pause_consumer", { name: "none" }, "POST", "/consumers/none/pause", {}],
  ["resume_consumer", { name: "none" }, "POST", "/consumers/none/resume", {}],
  ["remove_consumer", { name: "none" }, "DELETE", "/consumers/none"],
  ["rewind_consumer", { name: "dying", to: "rubbish" }, "POST", "/consumers/dying/rewind", { to: "rubbish" }],
  ["rewind_consumer", { name: "dying" }, "POST", "/consumers/dying/rewind", {}],
  ["list_dead_letters", { after: "rubbish" }, "GET", "/dead-letters?after=rubbish"],
  ["get_dead_letter", { consumer: "dying", eventId: "none" }, "GET", "/dead-letters/dying/none"],
  ["redeliver_dead_letter", { consumer: "dying", eventId: "dead" }, "POST", "/dead-letters/dying/dead/redeliver", {}],
  ["drop_dead_letter", { consumer: "none", eventId: "dead" }, "DELETE", "/dead-letters/none/dead"],
];

/** A site with something of everything in it. */
async function site(): Promise<Site> {
  const made = await serve({ workflows: WORKFLOWS });
  const { app } = made;
  app.consumer("dying", { type: "dying" }, () => {
    throw new FatalError("never");
  });
  await app.emitEvent("a", 1, { id: "taken", userId: "local" });
  await app.emitEvent("dying", 1, { id: "dead" });
  await app.waitForEvent("consumer.dead_lettered", { after: "earliest" });
  return made;
}

/** What differs from call to call, and nothing else. */
function constant({ runId: _runId, cursor: _cursor, attempt: _attempt, detail, ...problem }: any): object {
  return { ...problem, detail: String(detail).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\w+\.\d+\.\w+/g, "…") };
}

function problemOf({ isError, content }: ToolAnswer, what: string = ""): any {
  expect([isError, content.map(({ type }) => type)], `${what}: ${content[0]?.text}`).toEqual([true, ["text", "text"]]);
  return JSON.parse(content[1]?.text ?? "");
}

describe.each(Object.entries(CLIENTS))("%s", (_client, connect) => {
  test("[mcp.1] [run.6] what HTTP refuses a tool refuses by the same problem, in words first", async () => {
    await using at = await site();
    await using agent = await connect(at.url);
    const ended = (await at.app.sessions.create({ userId: "local" })).id;
    await at.app.sessions.end(ended);
    const named = (text: string): string => text.replaceAll('"ended"', JSON.stringify(ended)).replaceAll("/ended", `/${ended}`);
    for (const [tool, args, method, path, body] of REFUSED) {
      const init = {
        method,
        headers: { "content-type": "application/json" },
        ...(body !== undefined && { body: named(JSON.stringify(body)) }),
      };
      const { status, body: over } = await replyOf(await fetch(named(at.url + path), init));
      const answer = await agent.call(`nexus_${tool}`, JSON.parse(named(JSON.stringify(args))));
      const problem = problemOf(answer, `${method} ${path}`);
      expect([path, problem.status, constant(problem)]).toEqual([path, status, constant(over)]);
      expect(Object.keys(problem)).toEqual(Object.keys(over));
      expect(answer.content[0]?.text).toMatch(new RegExp(`^${over.code}: `));
      expect(answer.content[0]?.text).toContain(problem.detail);
    }
  });

  test.each([
    ["list_workflows", {}],
    ["get_run", { runId: NONE }],
    ["list_events", {}],
    ["wait_for_events", { waitMs: 0 }],
    ["create_session", {}],
    ["get_health", {}],
  ])("[mcp.1] %s refuses an argument that there is not, by its name", async (tool, args) => {
    await using at = await serve();
    await using agent = await connect(at.url);
    const problem = problemOf(await agent.call(`nexus_${tool}`, { ...args, nonesuch: 1 }));
    expect([problem.code, problem.faults]).toEqual(["REQUEST_INVALID", [{ path: "nonesuch", message: "there is no such field" }]]);
  });

  test("[mcp.1] what is missing, and more than an answer of a tool holds, is refused with its path", async () => {
    await using at = await serve();
    await using agent = await connect(at.url);
    const paths = async (tool: string, args: object): Promise<string[]> =>
      problemOf(await agent.call(`nexus_${tool}`, args)).faults.map(({ path }: any) => path);
    expect(await paths("get_run", {})).toEqual(["runId"]);
    expect(await paths("update_session", { sessionId: NONE })).toEqual(["changes"]);
    expect(await paths("update_session", { sessionId: NONE, changes: 5 })).toEqual(["changes"]);
    expect(await paths("list_events", { limit: 51 })).toEqual(["limit"]);
    expect(await paths("list_events", { filter: "a" })).toEqual(["filter"]);
    expect(await paths("wait_for_events", { stopOn: [] })).toEqual(["stopOn"]);
    expect(await paths("wait_for_events", { cursor: "earliest", after: "latest" })).toEqual(["after"]);
  });

  test("[mcp.1] a tool that there is not, also one named like what every object has, is refused", async () => {
    await using at = await serve({ workflows: WORKFLOWS });
    await using agent = await connect(at.url);
    for (const name of ["nexus_none", "double", "constructor", "__proto__", "toString", ""])
      await expect(agent.call(name, {})).rejects.toMatchObject({ code: -32602, message: expect.stringContaining(JSON.stringify(name)) });
  });
});
