// An event type with a schema: what does not fit is refused, with every fault's path.
import assert from "node:assert/strict";
import { memoryStore, Nexus } from "nexus-event-system";

const app = new Nexus({ store: memoryStore() });
const DataProcessed = app.registerEventType("DATA_PROCESSED", {
  description: "Data processing completed",
  schema: { records_processed: "integer", duration: "float", errors: "array" },
});
const said: string[] = [];

app.onEvent(DataProcessed, (event) => {
  said.push(`Processed ${event.data.records_processed} records`);
});
await app.emitEvent(DataProcessed, { records_processed: 1000, duration: 5.2, errors: [] });
await app.settled();
assert.deepEqual(said, ["Processed 1000 records"]);

// By its name alone the compiler does not know the type; the log does.
const wrong = app.emitEvent("DATA_PROCESSED", { records_processed: "many", duration: 5.2 });
await assert.rejects(wrong, (error: { code?: string; details?: { faults: { path: string }[] } }) => {
  assert.equal(error.code, "EVENT_INVALID");
  assert.deepEqual(error.details?.faults.map(({ path }) => path).sort(), ["errors", "records_processed"]);
  return true;
});
assert.equal((await app.getEvents({ type: DataProcessed })).events.length, 1);
await app.stop();
