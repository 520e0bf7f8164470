import type { Logger } from "nexus-event-system";
import { defineWorkflow } from "nexus-event-system";
import { afterEach, describe, expect, test, vi } from "vitest";
import { cookie, guarded } from "../access/fixtures/people.ts";
import { Raw } from "../http/fixtures/raw.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { type Answer, answerOf, ERAS, type Era, type Headers, Line, Messages } from "./fixtures/wire.ts";

type At = Awaited<ReturnType<typeof guarded>>;

/** What the server thought worth an operator's attention. */
const complaints: unknown[] = [];
const logger: Logger = {
  debug() {},
  info() {},
  warn: (...said) => void complaints.push(said),
  error: (...said) => void complaints.push(said),
};

afterEach(() => {
  expect(complaints.splice(0)).toEqual([]);
  // Nothing that was sent has become a property of everything.
  for (const name of ["polluted", "userId", "scopes", "waitMs"]) expect(name in {}).toBe(false);
});

/** A workflow that gives back what it was given. */
const echo = defineWorkflow("echo", (inputs: any) => inputs);

function site(): Promise<At> {
  return guarded({ logger, workflows: [...WORKFLOWS, echo] });
}

function line(at: At, era: Era, name = "ann"): Promise<Line> {
  return Line.open(at.url, era, cookie(name));
}

/** That a client was told of its own mistake, and not that the server made one. */
function expectMistake({ status, message, text }: Answer): void {
  expect([text, status]).toEqual([text, expect.toSatisfy((code: number) => code < 500)]);
  if (message === undefined) return;
  const { error, result } = message;
  expect(text).not.toContain("INTERNAL");
  if (error !== undefined) expect([text, error.code]).not.toEqual([text, -32603]);
  else expect([text, result?.isError ?? message.status >= 400]).toEqual([text, true]);
}

/** JSON that nests so deep, with something in its midst. */
function nested(depth: number, open: string, close: string): string {
  return `${open.repeat(depth)}1${close.repeat(depth)}`;
}

const DEEP = [nested(20_000, "[", "]"), nested(20_000, '{"a":', "}"), nested(150, "[", "]")];

/** Where a client may put what it likes. @returns the message with `HERE` for it. */
const PLACES: Readonly<Record<string, (client: Line) => object>> = {
  "the data of an event": (client) => client.request("tools/call", { name: "nexus_emit_event", arguments: { type: "a", data: "HERE" } }, 1),
  "the inputs of a run": (client) =>
    client.request("tools/call", { name: "nexus_run_workflow", arguments: { workflow: "echo", inputs: "HERE" } }, 1),
  "the arguments of a tool": (client) => client.request("tools/call", { name: "nexus_list_runs", arguments: "HERE" }, 1),
  "a filter": (client) => client.request("tools/call", { name: "nexus_list_events", arguments: { filter: "HERE" } }, 1),
  "the arguments of a subscription": (client) => client.request("events/poll", { name: "nexus.event", arguments: "HERE" }, 1),
  "the metadata of a message": (client) => client.request("tools/list", { _meta: { "test/any": "HERE" } }, 1),
  "what the client says it can do": (client) =>
    client.era === "2025-11-25"
      ? client.request(
          "initialize",
          { protocolVersion: "2025-11-25", capabilities: { experimental: { a: { b: "HERE" } } }, clientInfo: {} },
          1,
        )
      : client.request(
          "tools/list",
          { _meta: { "io.modelcontextprotocol/clientCapabilities": { experimental: { a: { b: "HERE" } } } } },
          1,
        ),
  "the id of a message": (client) => ({ ...client.request("tools/list", {}, 1), id: "HERE" }),
  "the token for progress": (client) => client.request("tools/call", { name: "nexus_list_runs", _meta: { progressToken: "HERE" } }, 1),
  "what is listened to": (client) => client.request("subscriptions/listen", { notifications: { resourceSubscriptions: "HERE" } }, 1),
  "a notification": (client) => ({ ...client.request("notifications/any", { any: "HERE" }, 1), id: undefined }),
  "the answer to nothing that was asked": () => ({ jsonrpc: "2.0", id: 1, result: "HERE" }),
};

async function sent(client: Line, body: object, instead: string): Promise<Answer> {
  return await answerOf(
    await client.send(
      JSON.stringify(body).replace('"HERE"', () => instead),
      client.headersFor(body),
    ),
  );
}

describe.each(ERAS)("%s", (era) => {
  test.each(Object.entries(PLACES))("[mcp.1] JSON that is nested too deep, as %s, is refused", async (_where, bodyOf) => {
    await using at = await site();
    const client = await line(at, era);
    for (const deep of DEEP) expectMistake(await sent(client, bodyOf(client), deep));
    expect((await client.ask("tools/list")).message.result.tools.length).toBeGreaterThan(10);
  });

  test("[mcp.1] names that every object has are data like any other", async () => {
    await using at = await site();
    const client = await line(at, era);
    const odd = '{"__proto__":{"polluted":1,"waitMs":0},"constructor":{"prototype":{"polluted":1}},"toString":1,"hasOwnProperty":1}';
    const called = async (name: string, args: string): Promise<any> =>
      (await sent(client, client.request("tools/call", { name, arguments: "HERE" }, 1), args)).message.result;
    const { structuredContent } = await called("nexus_run_workflow", `{"workflow":"echo","inputs":${odd}}`);
    expect(JSON.stringify(structuredContent.result)).toBe(odd);
    await called("nexus_emit_event", `{"type":"odd","data":${odd}}`);
    expect((await client.call("nexus_list_events", { filter: { type: "odd" } })).text).toContain(JSON.stringify(odd).slice(1, -1));
    // And none of them is an argument.
    for (const args of [
      '{"__proto__":{"workflow":"double","inputs":{"n":1}}}',
      '{"workflow":"double","inputs":{"n":1},"constructor":1}',
      '{"workflow":{"__proto__":{"length":1}},"inputs":{}}',
    ])
      expect((await called("nexus_run_workflow", args)).content[0].text).toMatch(/^REQUEST_INVALID/);
    for (const filter of ['{"__proto__":["a"]}', '{"constructor":"a"}', '{"type":{"__proto__":["a"]}}'])
      expect((await called("nexus_list_events", `{"filter":${filter}}`)).content[0].text).toMatch(/^(?:REQUEST|FILTER)_INVALID/);
    for (const name of ["__proto__", "constructor", "toString"]) {
      expectMistake(await client.call(name));
      expectMistake(await client.ask("resources/read", { uri: `nexus://${name}` }));
      expectMistake(await client.ask("events/poll", { name }));
      expectMistake(await client.ask(name));
    }
  });

  test.each([
    ["no JSON", '{"jsonrpc"'],
    ["nothing", ""],
    ["what is no object", "1"],
    ["null", "null"],
    ["an empty list", "[]"],
    ["a list of what is nothing", "[null, 1, []]"],
    ["an object without anything", "{}"],
    ["another version of JSON-RPC", '{"jsonrpc":"1.0","id":1,"method":"ping"}'],
    ["an id that is none", '{"jsonrpc":"2.0","id":{},"method":"ping"}'],
    ["a method that is none", '{"jsonrpc":"2.0","id":1,"method":{}}'],
    ["params that are none", '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":1}'],
    ["bytes that are no text", "\u0000\uffff"],
    ["a long list", JSON.stringify(Array.from({ length: 5_000 }, (_, id) => ({ jsonrpc: "2.0", id, method: "ping" })))],
    ["more than a mebibyte", `"${"x".repeat(1024 * 1024)}"`],
  ])("[mcp.1] a body that is %s is refused", async (_what, body) => {
    await using at = await site();
    const client = await line(at, era);
    const answer = await answerOf(await client.send(body, client.headersFor(client.request("tools/list", {}, 1))));
    expect(answer.message.error).toBeDefined();
    expectMistake(answer);
  });

  test.each([
    ["tools/list", { cursor: 1 }],
    ["tools/call", {}],
    ["tools/call", { name: 1 }],
    ["tools/call", { name: "nexus_list_runs", arguments: [] }],
    ["resources/list", { cursor: {} }],
    ["resources/templates/list", { cursor: [] }],
    ["resources/read", {}],
    ["resources/read", { uri: [] }],
    ["resources/read", { uri: "no uri" }],
    ["resources/subscribe", {}],
    ["resources/unsubscribe", { uri: 1 }],
    ["logging/setLevel", { level: "loud" }],
    ["initialize", {}],
    ["events/list", { cursor: "here" }],
    ["events/poll", { name: "nexus.event", maxEvents: 0 }],
    ["events/poll", { name: "nexus.event", maxAgeMs: "1" }],
    ["events/poll", { name: "nexus.event", arguments: { userId: [] } }],
    ["events/stream", { name: 1 }],
    ["events/stream", { name: "nexus.event", cursor: "here" }],
    ["events/subscribe", {}],
    ["events/unsubscribe", { name: "x" }],
    ["subscriptions/listen", {}],
    ["subscriptions/listen", { notifications: { resourceSubscriptions: [1] } }],
    ["completion/complete", {}],
    ["prompts/get", {}],
    ["tasks/cancel", {}],
    ["sampling/createMessage", {}],
    ["none/at/all", {}],
  ])("[mcp.1] %s with %o is refused as the caller's mistake", async (method, params) => {
    await using at = await site();
    expectMistake(await (await line(at, era)).ask(method, params, "this"));
  });

  test("[access.1] nothing in a message makes its sender somebody else", async () => {
    await using at = await site();
    const client = await line(at, era, "bob");
    const forged = {
      userId: "ann",
      principal: { userId: "ann", scopes: ["admin"] },
      "io.modelcontextprotocol/clientInfo": { name: "ann", version: "1", userId: "ann" },
      "io.modelcontextprotocol/subscriptionId": "1",
      authInfo: { token: "ann", scopes: ["admin"], clientId: "ann" },
    };
    await client.ask("tools/call", {
      name: "nexus_emit_event",
      arguments: { type: "mine", data: 1 },
      _meta: forged,
      authInfo: forged.authInfo,
    });
    const headers = { authorization: "Bearer ann", "x-user": "ann", "mcp-user": "ann", "nexus-user": "ann" };
    const body = client.request("tools/call", { name: "nexus_emit_event", arguments: { type: "mine", data: 2 } }, 2);
    await client.send(body, headers);
    expectMistake(await client.call("nexus_emit_event", { type: "mine", data: 3, userId: "ann" }));
    expectMistake(await client.call("nexus_emit_event", { type: "mine", data: 4, visibility: "public" }));
    expectMistake(await client.call("nexus_create_session", { userId: "ann" }));
    const { events } = await at.app.getEvents({ type: "mine" });
    expect(events.map(({ data, userId, visibility }) => [data, userId, visibility])).toEqual([1, 2].map((data) => [data, "bob", "owner"]));
  });

  test("[mcp.1] a client that is gone in the middle of its message is no error of the server", async () => {
    await using at = await site();
    const client = await line(at, era);
    const body = JSON.stringify(client.request("tools/list", {}, 1));
    const head = Object.entries({ ...client.headersFor(JSON.parse(body)), "content-type": "application/json" }).map(
      ([key, value]) => `${key}: ${value}`,
    );
    for (const rest of [
      [`content-length: ${body.length + 1}`, "", body],
      ["transfer-encoding: chunked", "", '5\r\n{"jso'],
      ["transfer-encoding: chunked", "", "zz"],
    ]) {
      await using raw = await Raw.open(at.port);
      raw.socket.write(["POST /mcp HTTP/1.1", "host: localhost", ...head, ...rest].join("\r\n"));
      await at.app.emitEvent("a", 1); // The server has had its turns.
      raw.socket.resetAndDestroy();
      await raw.ended;
    }
    expect((await client.ask("tools/list")).status).toBe(200);
  });

  test("[mcp.6] clients that are gone at once leave nothing: no stream, and no place of one", async () => {
    await using at = await site();
    const clients = await Promise.all(Array.from({ length: 10 }, () => line(at, era)));
    const ways: readonly (readonly [string, object])[] = [
      ["events/stream", { name: "nexus.event", cursor: "earliest" }],
      ["tools/call", { name: "nexus_wait_for_events", arguments: { filter: { type: "never" } }, _meta: { progressToken: 1 } }],
      ["subscriptions/listen", { notifications: { resourceSubscriptions: ["nexus://events"] } }],
    ];
    for (let round = 0; round < 3; round++) {
      const gone = new AbortController();
      const opened = clients.flatMap((client, n) =>
        ways.map(([method, params], way) => client.send(client.request(method, params, `${n}-${way}-${round}`), {}, gone.signal)),
      );
      if (era === "2025-11-25") for (const client of clients) opened.push(client.get());
      // Some of them before they are answered at all.
      if (round > 0) await Promise.all(opened);
      gone.abort();
      await Promise.all(opened.map(async (response) => (await response.catch(() => undefined))?.body?.cancel().catch(() => {})));
      for (let n = 0; n < 20; n++) await at.app.broadcastEvent("a", n);
    }
    await vi.waitFor(async () => expect((await at.as("operator").get("/health")).body.streams).toBe(0), { timeout: 10_000 });
    await using stream = await (clients[0] as Line).stream("events/stream", { name: "nexus.event" });
    expect((await stream.next()).method).toBe("notifications/events/active");
  });
});

describe("2026-07-28", () => {
  const call = (name: string): object => ({ name, arguments: {} });

  test.each<[string, string, object, Headers]>([
    ["another method", "tools/call", call("nexus_get_health"), { "mcp-method": "tools/list" }],
    ["another tool", "tools/call", call("nexus_get_health"), { "mcp-name": "nexus_list_events" }],
    ["another resource", "resources/read", { uri: "nexus://events" }, { "mcp-name": "nexus://workflows" }],
    ["the protocol before", "tools/list", {}, { "mcp-protocol-version": "2025-11-25" }],
    ["a protocol that there is not", "tools/list", {}, { "mcp-protocol-version": "2099-01-01" }],
  ])("[mcp.1] headers that say %s than the message are refused", async (_what, method, params, headers) => {
    await using at = await site();
    const client = await line(at, "2026-07-28", "operator");
    const answer = await answerOf(await client.send(client.request(method, params, 1), headers));
    expect([answer.status, answer.message.error.code]).toEqual([400, -32020]);
  });

  test("[mcp.6] a session that is named beside it changes nothing, whoever's it is", async () => {
    await using at = await site();
    const ann = await line(at, "2025-11-25", "ann");
    const bob = await line(at, "2026-07-28", "bob");
    const asked = bob.request("tools/call", { name: "nexus_emit_event", arguments: { type: "mine", data: 1 } }, 1);
    expect((await answerOf(await bob.send(asked, { "mcp-session-id": ann.session as string }))).message.result.isError).toBeUndefined();
    expect((await at.app.getEvents({ type: "mine" })).events).toMatchObject([{ userId: "bob" }]);
  });
});

describe("2025-11-25", () => {
  test("[mcp.6] the same id twice at once over one connection hangs nothing, and harms nobody else", async () => {
    await using at = await site();
    const [ann, bob] = [await line(at, "2025-11-25", "ann"), await line(at, "2025-11-25", "bob")];
    const gone = new AbortController();
    const { cursor } = await at.app.getEvents({ limit: 1 });
    const wait = { name: "nexus_wait_for_events", arguments: { filter: { type: "go" }, cursor } };
    const twice = [0, 1].map(() => ann.send(ann.request("tools/call", wait, "same"), {}, gone.signal));
    const other = bob.call("nexus_wait_for_events", wait.arguments, "same");
    for (const response of twice) expect((await response).status).toBe(200);
    await at.app.emitEvent("go", "ann's", { userId: "ann" });
    await at.app.emitEvent("go", "bob's", { userId: "bob" });
    expect((await other).text).not.toContain("ann's");
    expect((await other).message.result.structuredContent.events).toMatchObject([{ data: "bob's" }]);
    gone.abort();
    await vi.waitFor(async () => expect((await at.as("operator").get("/health")).body.streams).toBe(0), { timeout: 10_000 });
    expect((await ann.ask("ping", {}, "same")).message.result).toEqual({});
  });

  test("[mcp.1] a batch is answered message by message, each with the rights of its sender", async () => {
    await using at = await site();
    const client = await line(at, "2025-11-25", "only-events:read");
    const { messages } = await answerOf(
      await client.send([
        client.request("tools/call", { name: "nexus_list_events", arguments: {} }, 1),
        client.request("tools/call", { name: "nexus_run_workflow", arguments: { workflow: "double", inputs: { n: 1 } } }, 2),
        client.request("resources/read", { uri: "nexus://workflows" }, 3),
        client.request("ping", {}, 4),
      ]),
    );
    const byId = Object.fromEntries(messages.map((message) => [message.id, message]));
    expect(byId[1].result.isError).toBeUndefined();
    expect(JSON.stringify(byId[2].result)).toContain("FORBIDDEN");
    expect(byId[3].error.data).toMatchObject({ code: "FORBIDDEN" });
    expect(byId[4].result).toEqual({});
  });

  test("[mcp.6] what nobody asked for is taken, and changes nothing", async () => {
    await using at = await site();
    const client = await line(at, "2025-11-25");
    await using stream = new Messages(await client.get());
    for (const body of [
      { jsonrpc: "2.0", id: 0, result: {} },
      { jsonrpc: "2.0", id: 1, error: { code: 1, message: "x" } },
      { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 0, progress: 1 } },
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1e9 } },
      { jsonrpc: "2.0", method: "notifications/cancelled", params: {} },
      { jsonrpc: "2.0", method: "notifications/initialized" },
      { jsonrpc: "2.0", method: "notifications/roots/list_changed" },
    ])
      expect((await client.send(body)).status).toBe(202);
    await at.app.broadcastEvent("hello", 1);
    expect((await stream.next()).params.data.type).toBe("hello");
  });
});
