// A filter names what a handler wants: a channel, a workflow. The same filter works on every channel.
import assert from "node:assert/strict";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";

const critical = defineWorkflow("critical-workflow", () => 1);
const other = defineWorkflow("other-workflow", () => 2);
const app = new Nexus({ store: memoryStore(), workflows: [critical, other] });
const said: string[] = [];

app.onWorkflowStarted({ channel: "api" }, (event) => {
  said.push(`API workflow started: ${event.workflowName}`);
});
app.onWorkflowStarted({ channel: "mcp" }, (event) => {
  said.push(`MCP workflow started: ${event.workflowName}`);
});
app.onWorkflowCompleted({ workflow: "critical-workflow" }, () => {
  said.push("Critical workflow completed");
});

await app.execute(critical);
// No port is needed to call the API.
const execute = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
const answer = await app.fetch(new Request("http://localhost/workflows/other-workflow/execute", execute));
assert.equal(answer.status, 200);
await app.settled();

assert.deepEqual(said.sort(), ["API workflow started: other-workflow", "Critical workflow completed"]);
await app.stop();
