// A handler decides by what the event says.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";

const quick = defineWorkflow("quick", () => 1);
const slow = defineWorkflow("slow", () => sleep(60));
const app = new Nexus({ store: memoryStore(), workflows: [quick, slow] });
const said: string[] = [];

app.onWorkflowCompleted((event) => {
  if (event.durationMs > 50) said.push(`Long-running workflow: ${event.workflowName}`);
});

await Promise.all([app.execute(quick), app.execute(slow)]);
await app.settled();
assert.deepEqual(said, ["Long-running workflow: slow"]);
await app.stop();
