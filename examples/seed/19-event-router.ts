// Handlers by names of one's own, for events from anywhere. The failure of one is told, and stops no other.
import assert from "node:assert/strict";
import { defineWorkflow, EventRouter, memoryStore, Nexus, type WorkflowCompleted } from "nexus-event-system";

const work = defineWorkflow("work", () => 1);
const app = new Nexus({ store: memoryStore(), workflows: [work] });
const said: string[] = [];

const router = new EventRouter({ onError: (error) => said.push(`Handler error: ${(error as Error).message}`) });
router.register("workflow_completed", () => {
  throw new Error("the log is full");
});
router.register("workflow_completed", (event: WorkflowCompleted) => {
  said.push(`Workflow ${event.workflowName} completed`);
});
app.onWorkflowCompleted((event) => router.route("workflow_completed", event));

await app.execute(work);
await app.settled();
assert.deepEqual(said.sort(), ["Handler error: the log is full", "Workflow work completed"]);
await app.stop();
