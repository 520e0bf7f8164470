import fc from "fast-check";
import { NexusError } from "nexus-event-system";
import { createClient } from "nexus-event-system/client";
import { afterAll, beforeAll, expect } from "vitest";
import { WebSocketServer } from "ws";
import { remote } from "../../src/client/remote.ts";
import { fuzz } from "./fuzz.ts";
import { json, jsonText, text } from "./values.ts";

const REFUSED = { type: "urn:nexus:error:FORBIDDEN", title: "No.", status: 403, code: "FORBIDDEN", retryable: false };
const RESUME = { requested: null, from: "aaaaaaaaaa.1", recovered: true, earliest: "aaaaaaaaaa.0" };

/** What a frame of a server holds: what it should, some of it, or anything. */
const held = fc.oneof(
  jsonText,
  fc
    .record(
      {
        requested: json,
        from: fc.oneof(fc.constant(RESUME.from), json),
        recovered: fc.oneof(fc.boolean(), json),
        reason: fc.oneof(fc.constantFrom("expired", "unknown", "ahead", "invalid"), json),
        earliest: json,
        cursor: json,
        event: json,
        data: json,
        type: json,
        hasMore: json,
        code: fc.oneof(fc.constantFrom("OVERLOADED", "CURSOR_EXPIRED", "__proto__", "constructor"), json),
        retryable: json,
        retryAfterMs: fc.oneof(fc.constant(0), json),
        error: json,
      },
      { requiredKeys: [] },
    )
    .map((fields) => JSON.stringify(fields)),
);

const sse = fc.record(
  {
    event: fc.oneof(fc.constantFrom("resume", "checkpoint", "problem"), text),
    id: text,
    data: held,
    retry: fc.constantFrom("0", "1", "x"),
  },
  { requiredKeys: ["data"] },
);

const oneLine = (given: string): string => given.toWellFormed().replaceAll(/[\r\n]/g, " ");

fuzz(
  "[client.2] whatever a server sends as an event stream, who follows it is told so by an error of the table, or goes on",
  300,
  [fc.array(sse, { minLength: 1, maxLength: 4 })],
  async (frames) => {
    const body = frames.map(
      (fields) =>
        `${Object.entries(fields)
          .map(([name, value]) => `${name}: ${oneLine(String(value))}\n`)
          .join("")}\n`,
    );
    const last = `event: problem\ndata: ${JSON.stringify(REFUSED)}\n\n`;
    let connections = 0;
    const answer = async (): Promise<Response> =>
      new Response(connections++ === 0 ? body.join("") : last, { headers: { "content-type": "text/event-stream" } });
    const leave = new AbortController();
    try {
      // However long the server says: here nobody waits for it.
      for await (const told of remote("http://127.0.0.1", { fetch: answer }).follow(
        {},
        { known: true, signal: leave.signal, random: () => 0 },
      ))
        if (told.kind === "lost" && told.delayMs > 0) leave.abort();
      expect(leave.signal.aborted).toBe(true);
    } catch (error) {
      if (!NexusError.is(error)) throw error;
    }
  },
  [[[{ event: "resume", data: "]" }]], [[{ event: "problem", data: "null" }]]],
);

const frame = fc.oneof(
  held,
  fc
    .tuple(fc.constantFrom("resume", "event", "checkpoint", "reply", "problem"), fc.constantFrom("1", "2", null), held)
    .map(([kind, id, fields]) => {
      const head = JSON.stringify({ kind, id }).slice(0, -1);
      return fields.startsWith("{") && fields !== "{}" ? `${head},${fields.slice(1)}` : `${head}}`;
    }),
);

let server: WebSocketServer;
let url: string;
let frames: readonly string[] = [];

beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "nexus.v1" });
  await new Promise((resolve) => server.once("listening", resolve));
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  server.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.once("message", () => {
      for (const each of frames) socket.send(each);
      frames = [];
      socket.close(4403, "FORBIDDEN");
    });
  });
});

afterAll(() => {
  for (const socket of server.clients) socket.terminate();
  server.close();
});

fuzz(
  "[client.5] whatever a server sends over a WebSocket, a loop ends with an error of the table",
  300,
  [fc.array(frame, { minLength: 1, maxLength: 4 })],
  async (given) => {
    frames = given.map((each) => each.toWellFormed());
    await using client = createClient({ url });
    const read = async (): Promise<never> => {
      for await (const _event of client.subscribe({ type: "n" }));
      throw new Error("it ended by itself");
    };
    await expect(read()).rejects.toSatisfy((error) => NexusError.is(error));
  },
  [[["null"]], [['{"kind":"event","id":"1","event":{}}']], [['{"kind":"problem","id":"1","code":"constructor"}']]],
);
