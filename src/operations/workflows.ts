import Type from "typebox";
import type { App } from "../app.ts";
import { NexusError } from "../errors.ts";
import type { JsonObject } from "../events/json.ts";
import { NEEDLESS } from "../observability/clock.ts";
import type { LaunchedRun } from "../workflows/launcher.ts";
import type { Outcome } from "../workflows/outcome.ts";
import { type Answer, type Call, type Operation, operation } from "./operation.ts";
import { placeNow } from "./place-now.ts";
import { tellProgress } from "./run-progress.ts";
import { NOTHING } from "./schemas.ts";

const NAME = Type.Object({ name: Type.String({ description: "The workflow's name." }) });

const list: Operation = operation({
  name: "workflows.list",
  summary: "What can be run.",
  scope: "workflows:read",
  method: "GET",
  path: "/workflows",
  params: NOTHING,
  query: NOTHING,
  tool: { name: "list_workflows" },
  run: async (app) => {
    const { of: workflows, cursor } = await placeNow(app, () => app.workflows());
    return { body: { workflows, cursor, hasMore: false } };
  },
});

const get: Operation = operation({
  name: "workflows.get",
  summary: "One workflow, and the JSON Schema of its inputs.",
  scope: "workflows:read",
  method: "GET",
  path: "/workflows/{name}",
  params: NAME,
  query: NOTHING,
  tool: { name: "describe_workflow" },
  run: async (app, { name }) => {
    const { of: workflow, cursor } = await placeNow(app, () => app.workflow(name));
    return { body: { ...workflow, cursor } };
  },
});

const execute: Operation = operation({
  name: "workflows.execute",
  summary: "Runs a workflow, and waits for its end or for waitMs.",
  scope: "workflows:run",
  method: "POST",
  path: "/workflows/{workflow}/execute",
  params: Type.Object({ workflow: Type.String({ description: "The workflow's name." }) }),
  query: Type.Object(
    {
      waitMs: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 300_000,
          description: "How long to wait for the run's end; 30000 if absent, 0 answers at once.",
        }),
      ),
    },
    { additionalProperties: false },
  ),
  body: Type.Object(
    {
      inputs: Type.Optional(Type.Unknown({ description: "An object that fits the workflow's input schema." })),
      sessionId: Type.Optional(Type.String()),
      metadata: Type.Optional(Type.Unknown({ description: "An object, recorded with the run's workflow.* events." })),
      idempotencyKey: Type.Optional(
        Type.String({
          description:
            "The same key, of the same caller and for the same workflow, gives the same run: 1 to 255 printable ASCII characters without space.",
        }),
      ),
    },
    { additionalProperties: false },
  ),
  tool: {
    name: "run_workflow",
    says:
      "Takes what describe_workflow shows as inputSchema. A run that takes longer than waitMs goes on: wait for its end with " +
      'wait_for_events from the cursor answered here, with filter {"runId": …}.',
    destructive: true,
    openWorld: true,
  },
  run: (app, { workflow: name, waitMs = 30_000, inputs = {}, sessionId, metadata, idempotencyKey }, call) =>
    executed(app, { name, waitMs, inputs, sessionId, metadata: metadata as JsonObject | undefined, idempotencyKey }, call),
});

interface Execution {
  readonly name: string;
  readonly waitMs: number;
  readonly inputs: unknown;
  readonly sessionId: string | undefined;
  readonly metadata: JsonObject | undefined;
  readonly idempotencyKey: string | undefined;
}

async function executed(app: App, { name, waitMs, inputs, sessionId, metadata, idempotencyKey }: Execution, call: Call): Promise<Answer> {
  const { run, cursor } = await app.launch(name, inputs, { sessionId, metadata, idempotencyKey });
  const { runId } = run;
  // Under a key it may have ended before: then there is nothing to wait for.
  const outcome = run.ended ?? (waitMs === 0 ? undefined : await endWithin(app, run, waitMs, call));
  // A run that left this process goes on: the caller is told where to look.
  if (outcome === undefined || outcome.status === "left") return { status: 202, body: { runId, status: run.status, cursor } };
  if (outcome.status !== "completed") throw placedAt(outcome.error, cursor);
  const { result, durationMs } = outcome;
  return { body: { runId, status: "completed", ...(result !== undefined && { result }), durationMs, cursor } };
}

/** How a run ends; `undefined` when that takes longer, or when nobody waits any more. */
async function endWithin(app: App, run: LaunchedRun, waitMs: number, call: Call): Promise<Outcome | undefined> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, call.signal]);
  if (call.progress !== undefined) void tellProgress(app, run, call.progress, signal);
  const timeout = app.clock.sleep(waitMs, signal).then(
    () => undefined,
    () => undefined,
  );
  const end = run.outcome(signal).catch((error: unknown) => {
    if (signal.aborted) return undefined;
    throw error;
  });
  try {
    return await Promise.race([end, timeout]);
  } finally {
    over.abort(NEEDLESS);
  }
}

/** How a run ended, with the place as its caller may know it. */
function placedAt(error: NexusError, cursor: string): NexusError {
  return "cursor" in error.details ? new NexusError(error.code, { ...error.details, cursor } as never, { detail: error.message }) : error;
}

export const WORKFLOW_OPERATIONS: readonly Operation[] = [list, get, execute];
