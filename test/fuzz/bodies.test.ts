import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { defineWorkflow, sqliteStore } from "nexus-event-system";
import { afterAll, beforeAll, expect } from "vitest";
import { OPERATIONS } from "../../src/operations/table.ts";
import { Raw } from "../http/fixtures/raw.ts";
import { type Reply, replyOf } from "../http/fixtures/site.ts";
import { double } from "../http/fixtures/workflows.ts";
import { expectAnswer, expectNoSurprise, expectProblem, type Watched, watched } from "./answers.ts";
import { fuzz } from "./fuzz.ts";
import { isRecordable, json, jsonObject, jsonText, nearly, text } from "./values.ts";

const echo = defineWorkflow("echo", (inputs) => inputs);

let folder: string;
let site: Watched;
let session: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nexus-fuzz-"));
  site = await watched({ store: sqliteStore(join(folder, "nexus.db")), workflows: [echo, double] });
  session = (await site.app.sessions.create({ userId: "local" })).id;
});

afterAll(async () => {
  await site[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function send(method: string, path: string, body: string | Uint8Array<ArrayBuffer>, headers: object = {}): Promise<Reply> {
  const init = { method, headers: { "content-type": "application/json", ...headers }, body };
  const reply = await replyOf(await fetch(site.url + path, init));
  if (reply.status >= 400) expectProblem(reply.body, reply.status);
  expectNoSurprise(site);
  return reply;
}

/** What a body is, if it is JSON. A text from here has become UTF-8 when it arrives. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body.toWellFormed().replace(/^\ufeff/, ""));
  } catch {
    return undefined;
  }
}

/** Compared as text: a field called `__proto__` is a field like any other. */
function same(value: unknown, other: unknown): void {
  expect(JSON.stringify(value)).toBe(JSON.stringify(other));
}

fuzz(
  "[event.7] the data of an event is read back as it was sent, or refused because it is no JSON that lasts",
  200,
  [jsonText],
  async (data) => {
    const body = `{"type":"any","data":${data}}`;
    const sent = parsed(body) as { readonly data: unknown } | undefined;
    const { status, body: answer } = await send("POST", "/events", body);
    if (sent === undefined) return expect([status, answer.code]).toEqual([400, "BODY_INVALID"]);
    // What was put in may have closed the data, and said something else beside it.
    if (Object.keys(sent).join() !== "type,data") return expect(status).toBeLessThan(500);
    if (!isRecordable(sent.data)) return expect([status, answer.code]).toEqual([422, "EVENT_INVALID"]);
    expect([body, status]).toEqual([body, 201]);
    const [event] = (await site.get("/events?type=any&limit=1")).body.events;
    same([event.id, event.data], [answer.id, sent.data]);
  },
);

const field = <T>(valid: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 5, arbitrary: valid as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: json });
const emission = fc.record(
  {
    type: field(fc.oneof(fc.constantFrom("a", "order.paid", "workflow.started", "LOG.x", "log"), text)),
    data: json,
    id: field(fc.oneof(text, fc.stringMatching(/^[!-~]{1,20}$/))),
    sessionId: field(fc.oneof(text, fc.constant("known"))),
    metadata: field(jsonObject),
    broadcast: field(fc.boolean()),
  },
  { requiredKeys: ["type", "data"] },
);

fuzz("[event.1] an event that is taken has the fields that were given, and no others", 200, [emission], async (given) => {
  const sent: any = given.sessionId === "known" ? { ...given, sessionId: session } : given;
  const { status, body } = await send("POST", "/events", JSON.stringify(sent));
  if (status >= 400) return;
  // An id that was there already is answered only for the same event.
  expect([200, 201]).toContain(status);
  const [event] = (await site.get(`/events?before=${body.cursor}&limit=1`)).body.events;
  const { sequence, type, data, id, sessionId, metadata, broadcast, userId, channel, visibility } = event;
  same([type, data, metadata, sessionId, broadcast], [sent.type, sent.data, sent.metadata, sent.sessionId, sent.broadcast || undefined]);
  expect([sequence, id, userId, channel]).toEqual([body.sequence, sent.id ?? body.id, "local", "api"]);
  expect(visibility).toBe(sent.broadcast === true ? "public" : "owner");
});

fuzz(
  "[run.6] a run has the inputs that were sent, and its result is read back the same, or it is not started",
  80,
  [
    fc.oneof(
      jsonText,
      jsonObject.map((inputs) => JSON.stringify(inputs)),
    ),
  ],
  async (inputs) => {
    const body = `{"inputs":${inputs}}`;
    const sent = parsed(body) as { readonly inputs: unknown } | undefined;
    const { status, body: answer } = await send("POST", "/workflows/echo/execute", body);
    if (sent === undefined) return expect([status, answer.code]).toEqual([400, "BODY_INVALID"]);
    if (Object.keys(sent).join() !== "inputs") return expect(status).toBeLessThan(500);
    const isObject = typeof sent.inputs === "object" && sent.inputs !== null && !Array.isArray(sent.inputs);
    if (!isObject || !isRecordable(sent.inputs)) return expect([inputs, status]).toEqual([inputs, 422]);
    expect([inputs, status]).toEqual([inputs, 200]);
    same(answer.result, sent.inputs);
    const run = (await site.get(`/runs/${answer.runId}`)).body;
    same([run.inputs, run.result], [sent.inputs, sent.inputs]);
  },
);

/** @see RFC 7396, section 2: the algorithm as it stands there, on fields of any name. */
function patched(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const fields = new Map(typeof target === "object" && target !== null && !Array.isArray(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) fields.delete(name);
    else fields.set(name, patched(fields.get(name), value));
  }
  return Object.fromEntries(fields);
}

const patch = fc.oneof({ weight: 3, arbitrary: jsonObject.map((changes) => JSON.stringify(changes)) }, { weight: 1, arbitrary: jsonText });

fuzz(
  "[session.4] the data of a session is what RFC 7396 makes of the patches that were taken, field by field",
  40,
  [fc.array(patch, { minLength: 1, maxLength: 5 })],
  async (patches) => {
    const { id } = (await send("POST", "/sessions", "{}")).body;
    let data: unknown = {};
    for (const changes of patches) {
      // No body at all is an empty object.
      const given = changes === "" ? {} : parsed(changes);
      const { status, body } = await send("PATCH", `/sessions/${id}`, changes);
      const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
      if (!isObject) expect([changes, status]).toEqual([changes, 400]);
      else if (!isRecordable(given)) expect([changes, status]).toEqual([changes, 422]);
      else {
        expect([changes, status]).toEqual([changes, 200]);
        data = patched(data, given);
        same(body.data, data);
        const { events } = await site.app.getEvents({ type: "session.updated", sessionId: id, limit: 1 });
        same((events[0] as any).data.changes, given);
      }
      same((await site.get(`/sessions/${id}`)).body.data, data);
    }
  },
);

const PATHS = OPERATIONS.filter(({ body }) => body !== undefined).map(({ method, path }) => [method, path] as const);
const valid = fc.oneof(
  emission.map((given) => JSON.stringify(given)),
  jsonObject.map((given) => JSON.stringify({ inputs: given, data: given, metadata: given })),
  jsonText,
);
const bytes = fc
  .oneof(
    nearly(valid, ["\ufeff", "\0", "//", "'", "NaN", "Infinity", "\u2028", '"__proto__":']).map((given) => Buffer.from(given)),
    // Not UTF-8: another encoding of it, and bytes put in.
    fc.tuple(valid, fc.constantFrom("utf16le" as const, "latin1" as const)).map(([given, encoding]) => Buffer.from(given, encoding)),
    fc.tuple(valid, fc.nat(), fc.uint8Array({ maxLength: 6 })).map(([given, at, more]) => {
      const whole = Buffer.from(given);
      const place = at % (whole.length + 1);
      return Buffer.concat([whole.subarray(0, place), more, whole.subarray(place)]);
    }),
    fc.uint8Array({ maxLength: 60 }).map((given) => Buffer.from(given)),
  )
  .map((given) => new Uint8Array(given));
const header = fc.record(
  {
    "content-type": fc.oneof(
      fc.constantFrom(
        "application/json; charset=utf-16",
        'application/json;charset="latin1"',
        "text/plain",
        "application/x-www-form-urlencoded",
      ),
      fc.constantFrom("multipart/form-data; boundary=x", "application/merge-patch+json", "application/cloudevents+json", ";", ",", "/"),
    ),
    "content-encoding": fc.constantFrom("gzip", "identity", "br", "x"),
    "idempotency-key": fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/),
    "nexus-session": fc.stringMatching(/^[!-~]{1,20}$/),
    "nexus-channel": fc.constantFrom("cli", "mcp", "schedule", "__proto__", "x"),
    traceparent: fc.stringMatching(/^[0-9a-f-]{0,60}$/),
  },
  { requiredKeys: [] },
);

fuzz(
  "whatever bytes are the body of an operation, under whatever headers, the answer is one of the table",
  300,
  [fc.constantFrom(...PATHS), bytes, header],
  async ([method, path], body, headers) => {
    const { status } = await send(
      method,
      path
        .replace("{name}", "double")
        .replace("{sessionId}", session)
        .replace(/\{\w+\}/, "x"),
      body,
      headers,
    );
    expect(status).toBeGreaterThanOrEqual(200);
  },
);

fuzz(
  "a body that is cut short, or longer than it says, is refused, and nothing of it is recorded",
  100,
  [emission, fc.oneof(fc.integer({ min: -20, max: 20 }), fc.constantFrom(2 ** 31, 2 ** 53, -1e9)), fc.boolean()],
  async (given, lie, isChunked) => {
    const body = JSON.stringify({ ...given, type: "cut", id: undefined });
    const length = Math.max(0, Buffer.byteLength(body) + lie);
    await using raw = await Raw.open(site.port);
    const before = (await site.app.getEvents({ type: "cut", limit: 1 })).events[0]?.sequence;
    const how = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
    raw.socket.write(["POST /events HTTP/1.1", "Host: localhost", "Connection: close", how, "", ""].join("\r\n"));
    raw.socket.end(isChunked ? `${length.toString(16)}\r\n${body}` : body);
    const [head = "", rest = ""] = (await raw.all()).split("\r\n\r\n", 2);
    // Nobody is left to be answered where it broke off.
    if (head !== "") {
      const status = Number(head.split(" ")[1]);
      if (status >= 400 && rest.includes("urn:nexus"))
        expectProblem(JSON.parse(rest.slice(rest.indexOf("{"), rest.lastIndexOf("}") + 1)), status);
      else expect([head, [201, 400].includes(status)]).toEqual([head, true]);
    }
    const after = (await site.app.getEvents({ type: "cut", limit: 1 })).events[0]?.sequence;
    if (lie !== 0 || isChunked) expect(after).toBe(before);
    expectNoSurprise(site);
  },
);

const segment = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "events",
      "workflows",
      "runs",
      "sessions",
      "keys",
      "consumers",
      "dead-letters",
      "stream",
      "poll",
      "double",
      "execute",
      "event-types",
      "schedules",
      "health",
      "tickets",
      "..",
      ".",
      "",
    ),
  },
  { weight: 1, arbitrary: text.map((given) => encodeURIComponent(given.toWellFormed())) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("%", "%2e%2e", "%2F", "%00", "%ff", "%E0%80%80", "{name}", ":name", "*", "__proto__", "constructor"),
  },
);
const query = fc.array(
  fc.tuple(
    fc.oneof(fc.constantFrom("limit", "after", "before", "order", "waitMs", "type", "status", "workflow", "onLoss"), text),
    fc.oneof(fc.constantFrom("0", "1", "-1", "1e3", "0x10", "9".repeat(30), "earliest", "time:0", "asc"), text),
  ),
  { maxLength: 4 },
);

fuzz(
  "whatever is asked for, by whatever method and query, the answer is one of the table",
  400,
  [fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"), fc.array(segment, { maxLength: 5 }), query],
  async (method, segments, asked) => {
    const search = asked
      .filter(([name]) => name !== "waitMs")
      .map((pair) => pair.map((part) => encodeURIComponent(part.toWellFormed())).join("="));
    const leave = new AbortController();
    const response = await fetch(`${site.url}/${segments.join("/")}?${["waitMs=0", ...search].join("&")}`, {
      method,
      signal: leave.signal,
    });
    const type = response.headers.get("content-type") ?? "";
    if (type.startsWith("text/event-stream") || type.startsWith("text/html")) leave.abort();
    else if (type === "" || type.startsWith("text/")) await response.text();
    else if (method !== "HEAD") await expectAnswer(response);
    expect(response.status === 500).toBe(false);
    expectNoSurprise(site);
  },
);
