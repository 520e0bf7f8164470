import { EventSource } from "eventsource";
import fc from "fast-check";
import { expect } from "vitest";
import { type SseFrame, sseFrames } from "../../src/client/sse.ts";
import { fuzz } from "./fuzz.ts";
import { nearly, text } from "./values.ts";

/** Bytes cut anywhere, within characters too. */
const cuts = fc.array(fc.nat(), { maxLength: 12 });

function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(places.map((at) => at % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((start, n) => bytes.subarray(start, sorted[n] ?? bytes.length));
}

async function* streamed(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function framesIn(chunks: readonly Uint8Array[]): Promise<readonly SseFrame[]> {
  const frames: SseFrame[] = [];
  for await (const frame of sseFrames(streamed(chunks))) frames.push(frame);
  return frames;
}

const LAST = "last of all";

/** What an EventSource makes of it. It hears only of types that it was told of. */
function heardIn(body: Uint8Array, types: readonly string[]): Promise<readonly { event: string; data: string; id: string }[]> {
  return new Promise((resolve) => {
    const heard: { event: string; data: string; id: string }[] = [];
    const source = new EventSource("http://127.0.0.1/", {
      fetch: async () =>
        new Response(Buffer.concat([body, Buffer.from(`\n\n\ndata:${LAST}\n\n`)]), { headers: { "content-type": "text/event-stream" } }),
    });
    for (const type of new Set(["message", ...types])) {
      source.addEventListener(type, ({ data, lastEventId }) => {
        heard.push({ event: type, data, id: lastEventId });
        if (data !== LAST) return;
        source.close();
        resolve(heard.slice(0, -1));
      });
    }
  });
}

const TYPES = ["message", "a", "checkpoint", "ä"];
const name = fc.constantFrom("data", "data", "data", "id", "event", "retry", "", " data", "Data", "other");
const value = fc.oneof(
  fc.constantFrom("", " ", "x", "  x", "1000", "-1", "a", "checkpoint", "ä", ":", "a:b", "\0", "€😀"),
  text.map((given) => given.toWellFormed().replaceAll(/[\r\n]/g, "")),
);
const line = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(name, fc.constantFrom(":", ": ", ":  "), value).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: name },
  { weight: 1, arbitrary: value.map((comment) => `:${comment}`) },
  { weight: 4, arbitrary: fc.constant("") },
);
const stream = fc.array(fc.tuple(line, fc.constantFrom("\n", "\n", "\r", "\r\n")), { maxLength: 25 }).map((lines) => lines.flat().join(""));

fuzz(
  "[client.2] frames are read as an EventSource reads them, wherever what comes is cut",
  400,
  [fc.oneof(stream, nearly(stream, ["\n", "\r", "\r\n", "\n\n", "data:", "\ufeff"])), cuts],
  async (given, places) => {
    const bytes = Buffer.from(given.toWellFormed());
    const frames = await framesIn(cutAt(Buffer.concat([bytes, Buffer.from("\n\n\n")]), places));
    const types = frames.map(({ event }) => event);
    const heard = await heardIn(bytes, [...TYPES, ...types]);
    expect(frames.map(({ event, data }) => ({ event, data }))).toEqual(heard.map(({ event, data }) => ({ event, data })));
    // There an id holds for all that follow; here a frame has its own.
    let id = "";
    for (const [n, frame] of frames.entries()) {
      id = frame.id ?? id;
      if (frame.id !== undefined) expect(heard[n]?.id).toBe(id);
    }
  },
);

fuzz(
  "[client.2] any bytes are frames, or none, and it does not matter where they are cut",
  600,
  [fc.uint8Array({ maxLength: 200 }), cuts],
  async (bytes, places) => {
    expect(await framesIn(cutAt(bytes, places))).toEqual(await framesIn([bytes]));
  },
);
