// What an event says. The envelope is who, when, where and in which order; `data` is what happened.
import assert from "node:assert/strict";
import { defineWorkflow, memoryStore, Nexus, type WorkflowCompleted, type WorkflowFailed } from "nexus-event-system";

const greet = defineWorkflow("greet", { inputs: { name: "string" } }, ({ name }) => ({ greeting: `Hello, ${name}` }));
const app = new Nexus({ store: memoryStore(), workflows: [greet] });
const seen: object[] = [];

function describe(event: WorkflowCompleted | WorkflowFailed): object {
  const { workflowName, runId, sessionId, channel, userId, inputs, metadata } = event;
  return { workflowName, runId, sessionId, channel, userId, inputs, metadata };
}
app.onWorkflowCompleted((event) => {
  seen.push(describe(event));
  assert.deepEqual(event.result, { greeting: "Hello, Ann" });
  // Those are ways to `data`; the event's JSON has them once.
  assert.equal(event.result, event.data.result);
  assert.equal("result" in JSON.parse(JSON.stringify(event)), false);
  assert.ok(event.timestamp <= Date.now());
});

const run = await app.startRun(greet, { name: "Ann" }, { sessionId: "s-1", userId: "ann", metadata: { request_id: "r-7" } });
await run.result();
await app.settled();
assert.deepEqual(seen, [
  {
    workflowName: "greet",
    runId: run.runId,
    sessionId: "s-1",
    channel: "app",
    userId: "ann",
    inputs: { name: "Ann" },
    metadata: { request_id: "r-7" },
  },
]);
await app.stop();
