import fc from "fast-check";
import { defineWorkflow } from "nexus-event-system";
import { afterAll, beforeAll, expect } from "vitest";
import { authenticate, cookie } from "../access/fixtures/people.ts";
import { double, failing } from "../http/fixtures/workflows.ts";
import { type Answer, answerOf, ERAS, type Era, Line } from "../mcp/fixtures/wire.ts";
import { expectNoSurprise, expectProblem, type Watched, watched } from "./answers.ts";
import { fuzz } from "./fuzz.ts";
import { isRecordable, json, jsonObject, jsonText, nearly, text } from "./values.ts";

const echo = defineWorkflow("echo", (inputs) => inputs);
const lines = new Map<Era, Line>();
let site: Watched;
/** As clients are told of them. */
let tools: readonly { readonly name: string; readonly inputSchema: any }[];

beforeAll(async () => {
  site = await watched({ workflows: [double, failing, echo], auth: { authenticate } });
  for (const era of ERAS)
    lines.set(era, await Line.open("http://localhost", era, cookie("operator"), (request) => site.app.fetch(request)));
  ({ tools } = (await line("2026-07-28").ask("tools/list")).message.result);
});

afterAll(() => site[Symbol.asyncDispose]());

function line(era: Era): Line {
  return lines.get(era) as Line;
}

/** An error of JSON-RPC that is not the server's, a problem of the table, or a result. */
function expectAnswered({ status, messages, text: all }: Answer): void {
  expect([all, status < 500, all.includes('"code":"INTERNAL"')]).toEqual([all, true, false]);
  for (const { error, result, jsonrpc } of messages) {
    if (jsonrpc === undefined) continue;
    if (error !== undefined) expect([all, error.code === -32_603, typeof error.message]).toEqual([all, false, "string"]);
    if (error?.data?.type?.startsWith("urn:nexus")) expectProblem(error.data);
    if (result?.isError === true) expectProblem(JSON.parse(result.content[1].text));
  }
  expectNoSurprise(site);
}

async function expectAlive(era: Era): Promise<void> {
  expect((await line(era).ask("tools/list")).message.result.tools.length).toBe(tools.length);
}

const era = fc.constantFrom(...ERAS);
const rarely = <T>(valid: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 6, arbitrary: valid as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: json });
const METHODS = [
  "initialize",
  "server/discover",
  "ping",
  "tools/list",
  "tools/call",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "prompts/list",
  "completion/complete",
  "logging/setLevel",
  "events/list",
  "events/poll",
  "events/subscribe",
  "events/unsubscribe",
  "notifications/initialized",
  "notifications/cancelled",
  "notifications/progress",
  "roots/list",
  "sampling/createMessage",
];
const params = fc.record(
  {
    name: rarely(fc.constantFrom("nexus_list_events", "nexus_run_workflow", "nexus.event", "nexus.run.completed", "none")),
    arguments: rarely(jsonObject),
    uri: rarely(
      fc.constantFrom(
        "nexus://events",
        "nexus://runs/x",
        "nexus://workflows/echo",
        "nexus://events{?after}",
        "nexus://events?limit=-1",
        "file:///etc/passwd",
        "nexus:",
        "//",
      ),
    ),
    cursor: rarely(fc.oneof(fc.constantFrom("earliest", "latest", "0", "1"), text)),
    level: rarely(fc.constantFrom("debug", "emergency")),
    requestId: json,
    progressToken: json,
    maxEvents: rarely(fc.integer({ min: -1, max: 100 })),
    delivery: rarely(
      fc.record({ mode: rarely(fc.constant("webhook")), url: rarely(fc.constant("https://127.0.0.1/")), secret: rarely(text) }),
    ),
    ttlMs: rarely(fc.option(fc.integer())),
    protocolVersion: rarely(fc.constantFrom("2025-11-25", "2026-07-28", "2024-11-05", "1")),
    capabilities: rarely(jsonObject),
    clientInfo: rarely(fc.constant({ name: "a", version: "1" })),
    _meta: rarely(
      fc.record(
        { progressToken: json, "io.modelcontextprotocol/protocolVersion": rarely(fc.constant("2026-07-28")) },
        { requiredKeys: [] },
      ),
    ),
  },
  { requiredKeys: [] },
);
const message = fc.record(
  {
    jsonrpc: rarely(fc.constant("2.0")),
    id: rarely(fc.oneof(fc.integer(), text)),
    method: rarely(fc.constantFrom(...METHODS)),
    params: rarely(params),
    result: json,
    error: json,
  },
  { requiredKeys: ["jsonrpc", "method", "params"] },
);

/** A wait that nobody ends, or a stream, is none of these. */
function isBrief(body: string): boolean {
  return !/subscriptions\/listen|events\/stream|wait_for_events/.test(body);
}

const headers = fc.record(
  {
    "mcp-protocol-version": fc.oneof(
      fc.constantFrom("2025-11-25", "2026-07-28", "2024-11-05", "1", ""),
      fc.stringMatching(/^[ -~]{0,12}$/),
    ),
    "mcp-method": fc.constantFrom("tools/call", "tools/list", "x", ""),
    "mcp-name": fc.constantFrom("nexus_list_events", "=?base64?bm9uZQ==?=", "x", ""),
    "mcp-session-id": fc.constantFrom("x", "", "__proto__"),
    "last-event-id": fc.stringMatching(/^[!-~]{0,12}$/),
    accept: fc.constantFrom("application/json", "text/event-stream", "*/*", "x"),
    "content-type": fc.constantFrom("application/json; charset=utf-16", "text/plain"),
  },
  { requiredKeys: [] },
);
const body = fc.oneof(
  { weight: 3, arbitrary: message.map((each) => JSON.stringify(each)) },
  {
    weight: 1,
    arbitrary: nearly(
      message.map((each) => JSON.stringify(each)),
      ["{", "[", '"id":', '"method":', "null", "\\ud800", "\ufeff"],
    ),
  },
  { weight: 1, arbitrary: jsonText },
  { weight: 1, arbitrary: fc.array(fc.oneof(message, json), { maxLength: 4 }).map((each) => JSON.stringify(each)) },
);

fuzz(
  "[mcp.1] whatever message comes, under whatever headers, it is answered as a mistake of its sender's or with a result",
  500,
  [era, body, headers],
  async (of, given, more) => {
    const sent = given.toWellFormed();
    if (!isBrief(sent)) return;
    expectAnswered(await answerOf(await line(of).send(sent, more as Record<string, string>)));
  },
);

fuzz(
  "[mcp.1] whatever params a method is given, with headers that fit, it is answered as a mistake of its caller's or with a result",
  300,
  [era, fc.constantFrom(...METHODS), params],
  async (of, method, given: any) => {
    if (!isBrief(JSON.stringify(given))) return;
    const client = line(of);
    const request = client.request(method, given !== null && typeof given === "object" ? given : {}, 1);
    // A name that is no text has no header.
    const named = Object.entries(client.headersFor(request)).filter(([, value]) => typeof value === "string" && /^[!-~]*$/.test(value));
    const plain = { "mcp-method": method, "mcp-name": "", ...Object.fromEntries(named) };
    expectAnswered(await answerOf(await client.send(JSON.stringify(request), plain)));
    await expectAlive(of);
  },
);

const VALUES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  workflow: fc.constantFrom("echo", "double", "failing", "none"),
  inputs: jsonObject,
  filter: fc.record({ type: fc.constantFrom("n", "a.*", ["a", "b"]), broadcast: fc.constant("include") }, { requiredKeys: [] }),
  after: fc.constantFrom("earliest", "latest", "time:0"),
  before: fc.constantFrom("earliest", "latest"),
  cursor: fc.constantFrom("earliest", "latest"),
  limit: fc.integer({ min: 1, max: 50 }),
  type: fc.constantFrom("n", "order.paid", "workflow.started"),
  data: jsonObject,
  changes: jsonObject,
  metadata: jsonObject,
  broadcast: fc.boolean(),
  ttlMs: fc.integer({ min: 1, max: 1e9 }),
  stopOn: fc.array(fc.constantFrom("n", "workflow.*"), { minLength: 1, maxLength: 3 }),
  order: fc.constantFrom("asc", "desc"),
  status: fc.constantFrom("completed", "failed"),
};
const called = fc.nat().chain((at) => {
  const { name, inputSchema } = tools[at % tools.length] as (typeof tools)[number];
  const names = Object.keys(inputSchema.properties ?? {}).filter((each) => each !== "waitMs");
  const given = Object.fromEntries(names.map((each) => [each, rarely(VALUES[each] ?? text)]));
  const required = (inputSchema.required ?? []).filter((each: string) => each !== "waitMs");
  const waits = "waitMs" in (inputSchema.properties ?? {});
  return fc.record({
    name: fc.constant(name),
    own: fc.record(given, { requiredKeys: required }),
    // A wait is as long as it says.
    wait: waits
      ? fc.oneof(
          fc.constant({ waitMs: name === "nexus_run_workflow" ? 10_000 : 0 }),
          fc.constantFrom(-1, 1.5, 1e300, "0", null).map((waitMs) => ({ waitMs })),
        )
      : fc.constant({}),
    more: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: jsonObject }),
  });
});

fuzz(
  "[mcp.1] whatever arguments a tool is given, it answers, or says by the table of errors what is wrong with them",
  500,
  [era, called],
  async (of, { name, own, wait, more }) => {
    const given: any = { ...more, ...own, ...wait };
    const answer = await line(of).call(name, given);
    expectAnswered(answer);
    const { result, error } = answer.message;
    expect([answer.text, error]).toEqual([answer.text, undefined]);
    if (name === "nexus_run_workflow" && given.workflow === "echo" && result.structuredContent?.status === "completed")
      expect(JSON.stringify(result.structuredContent.result)).toBe(JSON.stringify(given.inputs));
    if (name === "nexus_emit_event" && given.type === "n" && Object.keys(given).join() === "type,data")
      expect([answer.text, result.isError === true]).toEqual([answer.text, !isRecordable(given.data)]);
  },
);

fuzz(
  "[mcp.6] each message of a batch is answered under its id, whatever the others are",
  100,
  [fc.array(fc.oneof(message, json), { maxLength: 5 }), fc.nat()],
  async (others, at) => {
    const client = line("2025-11-25");
    const own = client.request("tools/list", {}, "own");
    const place = at % (others.length + 1);
    const batch = JSON.stringify([...others.slice(0, place), own, ...others.slice(place)]);
    if (!isBrief(batch)) return;
    const answer = await answerOf(await client.send(batch));
    expectAnswered(answer);
    // All of it is refused where one of it is no message.
    if (answer.status === 200 && answer.messages.some(({ id }) => id === "own"))
      expect(answer.messages.find(({ id }) => id === "own").result.tools.length).toBe(tools.length);
    else expect([answer.text, answer.status]).toEqual([answer.text, 400]);
  },
);

const subscription = fc.record(
  {
    name: rarely(fc.constantFrom("nexus.event", "nexus.event", "workflow.completed", "n", "none")),
    arguments: rarely(
      fc.dictionary(
        fc.oneof(fc.constantFrom("type", "runId", "userId", "broadcast", "since"), text),
        fc.oneof(fc.constantFrom("n", "a.*", "include"), text, json),
        { maxKeys: 3, noNullPrototype: true },
      ),
    ),
    cursor: rarely(fc.oneof(fc.constantFrom("earliest", "latest", "time:0", "aaaaaaaaaa.1"), text)),
    maxEvents: rarely(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(null))),
    maxAgeMs: rarely(fc.integer()),
    ttlMs: rarely(fc.oneof(fc.integer(), fc.constant(null), fc.constant(1e300))),
    delivery: rarely(
      fc.record({
        mode: rarely(fc.constant("webhook")),
        url: rarely(fc.oneof(fc.constantFrom("https://127.0.0.1/", "http://hooks.example.com/", "https://localhost/"), text)),
        secret: rarely(fc.oneof(fc.constantFrom("whsec_", `whsec_${"A".repeat(43)}=`, "whsec_AA=="), text)),
      }),
    ),
  },
  { requiredKeys: ["name"] },
);

fuzz(
  "[mcp.4] whatever is subscribed to or polled, the answer is events, or what is wrong with the asking",
  400,
  [era, fc.constantFrom("events/poll", "events/poll", "events/list", "events/subscribe", "events/unsubscribe"), subscription],
  async (of, method, given) => {
    const answer = await line(of).ask(method, given);
    expectAnswered(answer);
    if (method === "events/poll" && answer.message.result !== undefined) expect(Array.isArray(answer.message.result.events)).toBe(true);
    // None of these addresses may be dialled, and nobody has subscribed to anything.
    if (/subscribe/.test(method)) expect([answer.text, typeof answer.message.error.code]).toEqual([answer.text, "number"]);
  },
);

fuzz("[mcp.4] a stream of whatever is asked for begins, or is refused", 100, [era, subscription], async (of, given) => {
  const client = line(of);
  const leave = new AbortController();
  const response = await client.send(client.request("events/stream", given, 1), {}, leave.signal);
  expect(response.status).toBeLessThan(500);
  const reader = response.body?.getReader();
  const first = Buffer.from((await reader?.read())?.value ?? []).toString();
  leave.abort();
  await reader?.cancel().catch(() => {});
  expect(first).toMatch(/notifications\/events\/active|"error":/);
  expect([first, first.includes("-32603") || first.includes("INTERNAL")]).toEqual([first, false]);
  expectNoSurprise(site);
});
