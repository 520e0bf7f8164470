// An event that is broadcast is recorded, and delivered; it can be read again later.
import assert from "node:assert/strict";
import { memoryStore, Nexus } from "nexus-event-system";

const app = new Nexus({ store: memoryStore() });

await app.broadcastEvent("CUSTOM_EVENT", { data: "value" });

const { events } = await app.getEvents({ type: "CUSTOM_EVENT" });
assert.deepEqual(
  events.map(({ data, broadcast }) => [data, broadcast]),
  [[{ data: "value" }, true]],
);
await app.stop();
