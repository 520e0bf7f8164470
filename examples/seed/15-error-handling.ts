// A failed workflow: logged, alerted, counted.
import assert from "node:assert/strict";
import { Counter, Registry } from "@prometheus-io/client";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";

const broken = defineWorkflow("broken", () => {
  throw new Error("no such order");
});
const app = new Nexus({ store: memoryStore(), workflows: [broken] });
const registry = new Registry();
const errors = new Counter({ name: "workflow_errors", help: "Workflows that failed.", labelNames: ["workflow"], registers: [registry] });
const log: object[] = [];
const alerts: object[] = [];
const sendAlert = async (kind: string, facts: object): Promise<void> => void alerts.push({ kind, ...facts });

app.onWorkflowFailed(async (event) => {
  const facts = { workflow: event.workflowName, error: event.error.message, user: event.userId };
  log.push(facts);
  await sendAlert("workflow_failure", facts);
  errors.inc({ workflow: event.workflowName });
});

await assert.rejects(app.execute(broken, {}, { userId: "ann" }));
await app.settled();
assert.deepEqual(log, [{ workflow: "broken", error: "no such order", user: "ann" }]);
assert.deepEqual(alerts, [{ kind: "workflow_failure", ...log[0] }]);
assert.match(await registry.metrics(), /workflow_errors(_total)?\{workflow="broken"\} 1/);
await app.stop();
