import { createClient } from "nexus-event-system/client";
import { job } from "../parent.ts";
import { resuming } from "./resuming.ts";

/** The connection is there before: another loop of this client waits on it. */
const { port, after, ms, most } = job<{ readonly port: number; readonly after: string; readonly ms: number; readonly most: number }>();
await using client = createClient({ url: `http://127.0.0.1:${port}` });
await using waiting = client.subscribe({ type: "bench.never" });
await waiting.ready;

await resuming(ms, most, async function* () {
  for await (const { sequence } of client.subscribe({ after, type: "*" })) yield sequence;
});
