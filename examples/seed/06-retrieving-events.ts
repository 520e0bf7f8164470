// What was recorded can be read: all of it, of one type, of one session.
import assert from "node:assert/strict";
import { memoryStore, Nexus } from "nexus-event-system";

const app = new Nexus({ store: memoryStore() });
await app.emitEvent("CUSTOM_EVENT", { n: 1 }, { sessionId: "session-123" });
await app.emitEvent("CUSTOM_EVENT", { n: 2 });
await app.emitEvent("OTHER_EVENT", { n: 3 }, { sessionId: "session-123" });

const all = await app.getEvents();
const custom = await app.getEvents({ type: "CUSTOM_EVENT" });
const session = await app.getEvents({ sessionId: "session-123" });

const numbers = (page: { readonly events: readonly { readonly data: unknown }[] }): unknown[] =>
  page.events.map(({ data }) => (data as { n: number }).n);
assert.deepEqual(
  [numbers(all), numbers(custom), numbers(session)],
  [
    [1, 2, 3],
    [1, 2],
    [1, 3],
  ],
);

// The page's cursor is the place it is true for: whatever comes later is read from there.
await app.emitEvent("CUSTOM_EVENT", { n: 4 });
assert.deepEqual(numbers(await app.getEvents({ after: all.cursor })), [4]);
await app.stop();
