// Failed workflows go out as mail, over a real SMTP server.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { simpleParser } from "mailparser";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";
import { email } from "nexus-event-system/sinks";
import { SMTPServer } from "smtp-server";

const received = Promise.withResolvers<Awaited<ReturnType<typeof simpleParser>>>();
const server = new SMTPServer({
  disabledCommands: ["AUTH", "STARTTLS"],
  onData: (stream, _session, done) => {
    received.resolve(simpleParser(stream));
    stream.once("end", () => done());
  },
});
server.listen(0, "127.0.0.1");
await once(server.server, "listening");
const { port } = server.server.address() as AddressInfo;

const broken = defineWorkflow("broken", () => {
  throw new Error("out of paper");
});
const app = new Nexus({ store: memoryStore(), workflows: [broken] });
app.consumer(
  "mail",
  { type: "workflow.failed" },
  email({
    smtp: `smtp://127.0.0.1:${port}`,
    from: "nexus@example.com",
    to: "admin@example.com",
    subject: (event) => `Workflow Failure: ${event.workflowName}`,
    text: (event) =>
      `Workflow: ${event.workflowName}\nError: ${event.error.message}\nTime: ${new Date(event.timestamp).toISOString()}\nUser: ${event.userId}`,
  }),
);
await app.start({ listen: false });
await assert.rejects(app.execute(broken, {}, { userId: "ann" }));

const mail = await received.promise;
assert.equal(mail.subject, "Workflow Failure: broken");
assert.equal(mail.from?.text, "nexus@example.com");
assert.match(mail.text ?? "", /^Workflow: broken\nError: out of paper\nTime: \d{4}-.*\nUser: ann/);
await app.stop();
server.close();
