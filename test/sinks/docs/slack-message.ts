import { slack } from "nexus-event-system/sinks";
import app from "./app.ts";

const url = process.env["SLACK_WEBHOOK_URL"] as string;
app.consumer(
  "slow-runs",
  { type: "workflow.completed" },
  slack({
    url,
    allowLoopback: process.env["NODE_ENV"] !== "production",
    message: (event) => `${event.workflowName} took ${(event.durationMs / 1000).toFixed(1)} s, asked for by ${event.userId ?? "nobody"}`,
  }),
);
