// Handlers for the start, the end and the failure of workflows.
import assert from "node:assert/strict";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";

const double = defineWorkflow("double", { inputs: { n: "number" } }, ({ n }) => ({ doubled: n * 2 }));
const broken = defineWorkflow("broken", () => {
  throw new Error("out of paper");
});
const app = new Nexus({ store: memoryStore(), workflows: [double, broken] });
const said: string[] = [];

app.onWorkflowStarted((event) => {
  said.push(`started ${event.workflowName} on ${event.channel} with ${JSON.stringify(event.inputs)}`);
});
app.onWorkflowCompleted((event) => {
  said.push(`completed ${event.workflowName}: ${JSON.stringify(event.result)}`);
  assert.ok(event.durationMs >= 0);
});
app.onWorkflowFailed((event) => {
  said.push(`failed ${event.workflowName}: ${event.error.message}`);
  assert.match(event.traceback ?? "", /02-workflow-lifecycle/);
});

await app.execute(double, { n: 21 });
await app.settled(); // Each handler is called in the order of events; between two handlers there is none.
await assert.rejects(app.execute(broken), { code: "WORKFLOW_FAILED" });
await app.settled();

assert.deepEqual(said, [
  'started double on app with {"n":21}',
  'completed double: {"doubled":42}',
  "started broken on app with {}",
  "failed broken: out of paper",
]);
await app.stop();
