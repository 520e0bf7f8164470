import { Nexus, sqliteStore } from "nexus-event-system";
import { job, tell } from "../parent.ts";
import type { LargeLog } from "./large-logs.ts";
import { readPlaces } from "./places.ts";

const PAGES = 50;

/** How long the JSON of an event is, without its cursor, which is made for whoever reads; of some thousand events from all over the log. */
const { file, places } = job<LargeLog>();
const app = new Nexus({ name: "bench", store: sqliteStore(file) });
await app.open();
const { cursors } = readPlaces(places);
let bytes = 0;
let events = 0;
for (let i = 0; i < PAGES; i++) {
  const page = await app.getEvents({ after: cursors[Math.floor((i * cursors.length) / PAGES)], limit: 100 });
  for (const { cursor: _cursor, ...event } of page.events) bytes += Buffer.byteLength(JSON.stringify(event));
  events += page.events.length;
}
await app.stop();
tell({ kind: "sample", bytes: bytes / events });
