// One row a run: inserted when it starts, updated when it ends. Delivering an event twice changes nothing.
import assert from "node:assert/strict";
import Database from "better-sqlite3";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";
import { runTable } from "nexus-event-system/sinks";

const db = new Database(":memory:");
db.exec(`CREATE TABLE workflow_logs (
  workflow_id TEXT PRIMARY KEY, workflow_name TEXT, session_id TEXT, channel TEXT, user_id TEXT, timestamp INTEGER,
  inputs TEXT, status TEXT, duration REAL, result TEXT, error TEXT)`);

const add = defineWorkflow("add", { inputs: { a: "number", b: "number" } }, ({ a, b }) => a + b);
const broken = defineWorkflow("broken", () => {
  throw new Error("no");
});
const app = new Nexus({ store: memoryStore(), workflows: [add, broken] });
app.consumer(
  "workflow-logs",
  { type: ["workflow.started", "workflow.completed", "workflow.failed"] },
  runTable({ db, table: "workflow_logs" }),
);
// The same by hand: a consumer's end may be any function.
const finished = Promise.withResolvers<void>();
app.consumer("last", { type: ["workflow.completed", "workflow.failed"], from: "earliest" }, (event) => {
  if (event.workflowName === "broken") finished.resolve();
});
await app.start({ listen: false });

await app.execute(add, { a: 1, b: 2 }, { userId: "ann" });
await assert.rejects(app.execute(broken));
await finished.promise;
await app.stop(); // Delivers what is due.

const rows = db
  .prepare("SELECT workflow_name, channel, user_id, inputs, status, result FROM workflow_logs ORDER BY timestamp, status")
  .all();
assert.deepEqual(
  rows.map((row) => Object.values(row as object)),
  [
    ["add", "app", "ann", '{"a":1,"b":2}', "completed", "3"],
    ["broken", "app", null, "{}", "failed", null],
  ],
);
db.close();
