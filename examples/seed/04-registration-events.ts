// Handlers for workflows that come and go.
import assert from "node:assert/strict";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";

const app = new Nexus({ store: memoryStore() });
const said: string[] = [];

app.onWorkflowRegistered((event) => {
  said.push(`registered ${event.workflowName}, ${JSON.stringify(event.metadata)}`);
});
app.onWorkflowUnregistered((event) => {
  said.push(`unregistered ${event.workflowName}`);
});
await app.open();

app.register(defineWorkflow("nightly", { metadata: { team: "billing" } }, () => "done"));
assert.equal(app.unregister("nightly"), true);
await app.settled();

assert.deepEqual(said, ['registered nightly, {"team":"billing"}', "unregistered nightly"]);
await app.stop();
