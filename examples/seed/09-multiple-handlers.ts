// Several handlers of one event: each is called, whatever becomes of the others.
import assert from "node:assert/strict";
import { Histogram, Registry } from "@prometheus-io/client";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";

const work = defineWorkflow("work", () => 1);
const app = new Nexus({ store: memoryStore(), workflows: [work] });
const said: string[] = [];
const registry = new Registry();
const durations = new Histogram({ name: "workflow_completion", help: "Seconds a workflow took.", registers: [registry] });

app.onWorkflowCompleted((event) => {
  said.push(`Workflow completed: ${event.workflowName}`);
});
app.onWorkflowCompleted(() => {
  throw new Error("the notification service is away");
});
app.onWorkflowCompleted((event) => {
  durations.observe(event.durationMs / 1000);
});

const failed = app.waitForEvent("handler.failed");
await app.execute(work);
await app.settled();

assert.deepEqual(said, ["Workflow completed: work"]);
assert.match(await registry.metrics(), /workflow_completion_count 1/);
// A handler's failure is an event too.
assert.equal((await failed)?.error.message, "the notification service is away");
await app.stop();
