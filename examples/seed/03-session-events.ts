// Handlers for the beginning, the changes and the end of sessions.
import assert from "node:assert/strict";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";

const hello = defineWorkflow("hello", () => "hello");
const app = new Nexus({ store: memoryStore(), workflows: [hello] });
const said: string[] = [];

app.onSessionCreated((event) => {
  said.push(`created on ${event.channel} for ${event.userId}`);
});
app.onSessionUpdated((event) => {
  said.push(`updated: ${JSON.stringify(event.changes)}`);
});
app.onSessionEnded((event) => {
  said.push(`${event.reason} after ${event.workflowCount} workflow`);
  assert.ok(event.durationMs >= 0);
});

const { id } = await app.sessions.create({ userId: "ann", data: { theme: "dark" } });
await app.sessions.update(id, { theme: null, language: "en" });
await app.execute(hello, {}, { sessionId: id });
assert.deepEqual((await app.sessions.get(id)).data, { language: "en" });
await app.sessions.end(id);
await app.settled();

assert.deepEqual(said, ["created on app for ann", 'updated: {"theme":null,"language":"en"}', "ended after 1 workflow"]);
await app.stop();
