// A tour of what an app offers, checked by the compiler.

import {
  defineEvent,
  defineWorkflow,
  EventRouter,
  Nexus,
  type NexusEvent,
  WorkflowBuilder,
  type WorkflowCompleted,
  type WorkflowFailed,
} from "nexus-event-system";
import { z } from "zod";

declare const logger: { info(m: string): void; error(m: string, f?: object): void };
declare const metrics: { record(n: string, v: number): void; increment(n: string, l: object): void };
declare function sendNotification(m: string): Promise<void>;
declare function sendWebhook(e: NexusEvent, s: AbortSignal): Promise<void>;
declare function updateDatabase(e: NexusEvent): Promise<void>;
declare function sendAlert(k: string, d: object): Promise<void>;
declare const sleep: (ms: number) => Promise<void>;

// 1 current behaviour
const app = new Nexus();
{
  await app.broadcastEvent("CUSTOM_EVENT", { data: "value" });
  const { events } = await app.getEvents({ type: "CUSTOM_EVENT" });
}
// 2 workflow lifecycle
app.onWorkflowStarted((event) => console.log(event.workflowName, event.channel, event.sessionId, event.inputs));
app.onWorkflowCompleted((event) => console.log(event.workflowName, `${event.durationMs} ms`, event.result));
app.onWorkflowFailed((event) => console.log(event.workflowName, event.error.message, event.traceback));
// 3 sessions
app.onSessionCreated((event) => console.log(event.sessionId, event.channel, event.userId));
app.onSessionUpdated((event) => console.log(event.sessionId, event.changes));
app.onSessionEnded((event) => console.log(event.sessionId, `${event.durationMs} ms`, event.workflowCount, event.reason));
// 4 registration
app.onWorkflowRegistered((event) => console.log(event.workflowName, event.metadata));
app.onWorkflowUnregistered((event) => console.log(event.workflowName));
// 5 broadcast to all channels
await app.broadcastEvent("CUSTOM_EVENT", { type: "notification", message: "Important update", timestamp: Date.now() });
// 6 retrieve
{
  const all = await app.getEvents();
  const custom = await app.getEvents({ type: "CUSTOM_EVENT" });
  const session = await app.getEvents({ sessionId: "session-123" });
}
// 7 the monitored process, live
const ProgressUpdate = defineEvent("PROGRESS_UPDATE", { schema: { percentage: "integer", step: "string" } });
const monitored = defineWorkflow("monitored-process", async (_inputs, ctx) => {
  for (let i = 1; i <= 10; i++) {
    await ctx.step(`part-${i}`, () => sleep(1_000));
    await ctx.broadcastEvent(ProgressUpdate, { percentage: i * 10, step: `Processing step ${i}/10` });
  }
  return { completed: true, steps: 10 };
});
app.register(monitored);
app.register(
  "monitored-graph",
  new WorkflowBuilder()
    .addNode("CodeNode", "long_process", {
      run: async (_inputs, ctx) => {
        for (let i = 1; i <= 10; i++) {
          await ctx.broadcastEvent(ProgressUpdate, { percentage: i * 10, step: `Processing step ${i}/10` });
          await sleep(1_000);
        }
        return { completed: true, steps: 10 };
      },
    })
    .build(),
);
{
  const run = await app.startRun(monitored);
  for await (const event of app.subscribe({ type: ProgressUpdate, runId: run.runId, after: run.cursor })) {
    console.log(event.data.percentage, event.data.step);
    if (event.data.percentage === 100) break;
  }
}
// 8 custom events
const DataProcessed = app.registerEventType("DATA_PROCESSED", {
  description: "Data processing completed",
  schema: { records_processed: "integer", duration: "float", errors: "array" },
});
await app.emitEvent(DataProcessed, { records_processed: 1000, duration: 5.2, errors: [] });
app.onEvent(DataProcessed, (event) => console.log(`Processed ${event.data.records_processed} records`));
// 9 several handlers
app.onWorkflowCompleted((event) => logger.info(`Workflow completed: ${event.workflowName}`));
app.onWorkflowCompleted((event) => sendNotification(`Workflow ${event.workflowName} completed`));
app.onWorkflowCompleted((event) => metrics.record("workflow_completion", event.durationMs));
// 10 async
app.onWorkflowStarted(async (event, { signal }) => {
  await sendWebhook(event, signal);
  await updateDatabase(event);
});
// 11 conditional
app.onWorkflowCompleted((event) => {
  if (event.durationMs > 60_000) console.log(`Long-running workflow: ${event.workflowName} took ${event.durationMs} ms`);
});
// 12 filters
app.onWorkflowStarted({ channel: "api" }, (event) => console.log(`API workflow started: ${event.workflowName}`));
app.onWorkflowStarted({ channel: "mcp" }, (event) => console.log(`MCP workflow started: ${event.workflowName}`));
app.onWorkflowCompleted({ workflow: "critical-workflow" }, () => console.log("Critical workflow completed"));
// 13, 14 the event object and its context
const describe = (event: WorkflowCompleted | WorkflowFailed) => [
  event.workflowName,
  event.runId,
  event.sessionId,
  event.userId,
  event.channel,
  new Date(event.timestamp),
  event.inputs,
  event.durationMs,
  event.metadata,
];
app.onWorkflowStarted((event) => {
  console.log(event.workflowName, event.userId, event.channel, event.timestamp);
  if (event.metadata?.["request_id"]) console.log(event.metadata["request_id"]);
});
// 15 errors
app.onWorkflowFailed(async (event) => {
  const facts = { workflow: event.workflowName, error: event.error.message, user: event.userId, timestamp: event.timestamp };
  logger.error("Workflow error", facts);
  await sendAlert("workflow_failure", facts);
  metrics.increment("workflow_errors", { workflow: event.workflowName });
});
// 19 router
const router = new EventRouter({ onError: (error) => logger.error(`Handler error: ${String(error)}`) });
router.register("workflow_completed", (event: WorkflowCompleted) => logger.info(event.workflowName));
app.onWorkflowCompleted((event) => router.route("workflow_completed", event));
// 20 poll_events
const latest = await app.waitForEvent("CUSTOM_EVENT", { after: "earliest", timeoutMs: 30_000 });
// 21 usage pattern
{
  const { cursor } = await app.broadcastEvent("EVENT_TYPE", { data: "value" });
  const { events } = await app.getEvents({ type: "EVENT_TYPE" });
}
