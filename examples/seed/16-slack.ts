// Completed workflows go to Slack: as a consumer, so that none is lost while Slack is away or this process is down.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";
import { slack } from "nexus-event-system/sinks";

// Slack, as far as this needs it: away at first, as it may be.
const received = Promise.withResolvers<any>();
let calls = 0;
const server = createServer((request, response) => {
  calls += 1;
  if (calls === 1) return void response.writeHead(429, { "retry-after": "0" }).end("rate_limited");
  received.resolve(text(request).then((body): unknown => JSON.parse(body)));
  response.end("ok");
}).listen(0, "127.0.0.1");
await once(server, "listening");
const url = process.env["SLACK_WEBHOOK_URL"] ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const report = defineWorkflow("report", () => ({ pages: 3 }));
const app = new Nexus({ store: memoryStore(), workflows: [report] });
app.consumer("slack", { type: "workflow.completed" }, slack({ url, allowLoopback: true }));
await app.start({ listen: false });
await app.execute(report);

const { text: message, attachments } = await received.promise;
assert.equal(message, "Workflow report completed");
assert.deepEqual(
  attachments[0].fields.map(({ title }: { title: string }) => title),
  ["Duration", "Channel", "Status"],
);
await app.stop();
server.close();
