// Handlers may take their time: nothing waits for them, and `settled()` says when they are through.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";

const work = defineWorkflow("work", () => 1);
const app = new Nexus({ store: memoryStore(), workflows: [work] });
const done: string[] = [];

app.onWorkflowStarted(async (event, { signal }) => {
  await sleep(20, undefined, { signal });
  done.push(`webhook for ${event.workflowName}`);
  await sleep(20, undefined, { signal });
  done.push(`database for ${event.workflowName}`);
});

await app.execute(work);
assert.deepEqual(done, []);
await app.settled();
assert.deepEqual(done, ["webhook for work", "database for work"]);
await app.stop();
