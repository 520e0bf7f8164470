// Record now, read later: also after a restart, from the file.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Nexus, sqliteStore } from "nexus-event-system";

const folder = await mkdtemp(join(tmpdir(), "nexus-seed-"));
const file = join(folder, "nexus.db");

const app = new Nexus({ store: sqliteStore(file) });
const { cursor } = await app.broadcastEvent("EVENT_TYPE", { data: "value" });
await app.stop();

const again = new Nexus({ store: sqliteStore(file) });
const { events } = await again.getEvents({ type: "EVENT_TYPE" });
assert.deepEqual(
  events.map((event) => [event.data, event.cursor]),
  [[{ data: "value" }, cursor]],
);
await again.stop();
await rm(folder, { recursive: true });
