// A broadcast reaches whoever is connected: over WebSocket, as a server-sent event, in the process itself.
import assert from "node:assert/strict";
import { memoryStore, Nexus } from "nexus-event-system";

const app = new Nexus({ store: memoryStore() });
const { url = "" } = await app.start({ port: 0 });

/** The first broadcast that comes over a WebSocket, once it is subscribed. */
const socket = new WebSocket(`${url.replace("http", "ws")}/events/ws`, "nexus.v1");
const overSocket = Promise.withResolvers<unknown>();
const subscribed = Promise.withResolvers<void>();
socket.addEventListener("open", () => socket.send(JSON.stringify({ op: "subscribe", id: "1", filter: { broadcast: "only" } })));
socket.addEventListener("message", ({ data }) => {
  const frame = JSON.parse(data as string) as { kind: string; event?: { data: unknown } };
  if (frame.kind === "resume") subscribed.resolve();
  if (frame.kind === "event") overSocket.resolve(frame.event?.data);
});

/** The same of an event stream, as `curl -N` would get it. */
const stream = (await fetch(`${url}/events/stream?broadcast=only`)).body?.pipeThrough(new TextDecoderStream()) ?? [];
async function overStream(): Promise<unknown> {
  let text = "";
  for await (const chunk of stream) {
    text += chunk;
    const found = /^data: (.*"CUSTOM_EVENT".*)$/m.exec(text);
    if (found !== null) return (JSON.parse(found[1] as string) as { data: unknown }).data;
  }
  throw new Error("the stream ended");
}

await subscribed.promise;
const inProcess = app.waitForEvent("CUSTOM_EVENT", { broadcast: "only" });
const notice = { type: "notification", message: "Important update", timestamp: Date.now() };
const { sequence } = await app.broadcastEvent("CUSTOM_EVENT", notice);

// What the data calls `type` is the data's: the event is still found by its own.
assert.deepEqual(await overSocket.promise, notice);
assert.deepEqual(await overStream(), notice);
assert.equal((await inProcess)?.sequence, sequence);
socket.close();
await app.stop();
