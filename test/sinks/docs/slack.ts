import { slack } from "nexus-event-system/sinks";
import app from "./app.ts";

const url = process.env["SLACK_WEBHOOK_URL"] as string; // https://hooks.slack.com/services/…
const allowLoopback = process.env["NODE_ENV"] !== "production";
app.consumer("slack", { type: ["workflow.completed", "workflow.failed"] }, slack({ url, allowLoopback }));
