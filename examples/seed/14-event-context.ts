// Metadata of a call is on the events of its run.
import assert from "node:assert/strict";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";

const work = defineWorkflow("work", () => 1);
const app = new Nexus({ store: memoryStore(), workflows: [work] });
const said: string[] = [];

app.onWorkflowStarted((event) => {
  said.push(`${event.workflowName} for ${event.userId} on ${event.channel}`);
  const requestId = event.metadata?.["request_id"];
  if (requestId !== undefined) said.push(`Request ID: ${JSON.stringify(requestId)}`);
});

await app.execute(work, {}, { userId: "ann", metadata: { request_id: "req-1" } });
await app.execute(work, {}, { userId: "bob" });
await app.settled();
assert.deepEqual(said, ["work for ann on app", 'Request ID: "req-1"', "work for bob on app"]);
await app.stop();
