import { slack } from "nexus-event-system/sinks";
import app from "./app.ts";

// The address that Slack gave you; `allowLoopback` is for trying it with a server of your own.
const url = process.env["SLACK_URL"] ?? "http://127.0.0.1:9000";
app.consumer("slack", { type: ["workflow.failed", "row.rejected"] }, slack({ url, allowLoopback: true }));

// A new consumer begins with what comes next, unless it says `from`; a known one goes on where it was.
app.consumer("ledger", { type: "workflow.completed", from: "earliest" }, (event, { attempt, idempotencyKey }) => {
  // To throw is to be tried again. The key is the same on every try.
  console.log(`${event.workflowName} ended after ${event.durationMs} ms (${idempotencyKey}, try ${attempt})`);
});
export default app;
