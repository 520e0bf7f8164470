// Where one had to poll, one waits: for an event to come, or for one that came already, or until the time is over.
import assert from "node:assert/strict";
import { memoryStore, Nexus } from "nexus-event-system";

const app = new Nexus({ store: memoryStore() });

const waiting = app.waitForEvent("CUSTOM_EVENT", { match: { order: 7 }, timeoutMs: 30_000 });
await app.emitEvent("CUSTOM_EVENT", { order: 6 });
await app.emitEvent("CUSTOM_EVENT", { order: 7 });
assert.deepEqual((await waiting)?.data, { order: 7 });

const earlier = await app.waitForEvent("CUSTOM_EVENT", { after: "earliest", timeoutMs: 30_000 });
assert.deepEqual(earlier?.data, { order: 6 });

assert.equal(await app.waitForEvent("NEVER", { timeoutMs: 10 }), undefined);
await app.stop();
