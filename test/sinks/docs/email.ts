import { email } from "nexus-event-system/sinks";
import app from "./app.ts";

app.consumer(
  "failures",
  { type: "workflow.failed" },
  email({
    smtp: process.env["SMTP_URL"] as string, // smtps://user:password@mail.example.com
    from: "Nexus <nexus@example.com>",
    to: ["admin@example.com"],
    subject: (event) => `${event.workflowName} failed: ${event.error.message}`,
  }),
);
