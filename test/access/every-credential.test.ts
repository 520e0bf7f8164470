import { fakeClock } from "nexus-event-system/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { STREAMS, TICKETS } from "../../src/operations/table.ts";
import { Peer } from "../http/fixtures/peer.ts";
import { type Site, serve } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { TOOL_ROWS, toolCall } from "../mcp/fixtures/tool-call.ts";
import { type Provider, provider } from "./fixtures/provider.ts";
import { ROWS } from "./rows.ts";

const UNKNOWN = "0198f3a4-0000-7000-8000-000000000000";
const ALL = "workflows:read workflows:run events:read events:emit events:broadcast events:read:all sessions:write admin";

let identity: Provider;
let site: Site;
/** Credentials that once were good, or never; by what is wrong with each. */
let bad: Readonly<Record<string, string | undefined>>;

/** One site for all: whoever is nobody changes nothing. */
beforeAll(async () => {
  identity = await provider();
  const clock = fakeClock();
  site = await serve({ clock, workflows: WORKFLOWS, auth: { jwt: { issuer: identity.issuer, audience: "nexus" } } });
  const now = Math.floor(clock.now() / 1000);
  const root = await identity.sign({ sub: "root", scope: ALL }, { until: now + 86_400 });
  const make = async (of: object): Promise<any> => {
    const { status, body } = await site.post(
      "/keys",
      { userId: "operator", scopes: ["admin"], ...of },
      { authorization: `Bearer ${root}` },
    );
    expect(status).toBe(201);
    return body;
  };
  const [revoked, expired] = [await make({}), await make({ expiresInMs: 1_000 })];
  await site.post(`/keys/${revoked.id}/revoke`, {}, { authorization: `Bearer ${root}` });
  await clock.advance(1_000);
  const until = now + 86_400;
  bad = {
    "no credential": undefined,
    "a revoked key": revoked.key,
    "an expired key": expired.key,
    "a key with another secret": `${expired.key.slice(0, -1)}${expired.key.endsWith("A") ? "E" : "A"}`,
    "an expired token": await identity.sign({ scope: ALL }, { until: now - 60 }),
    "a token for another audience": await identity.sign({ scope: ALL, aud: "another" }, { until }),
    "a token of another issuer": await identity.sign({ scope: ALL, iss: "https://another.example" }, { until }),
    "a token that somebody else signed": await identity.stranger({ scope: ALL }, { until }),
  };
});

afterAll(async () => {
  await site[Symbol.asyncDispose]();
  identity[Symbol.dispose]();
});

const KINDS = [
  "no credential",
  "a revoked key",
  "an expired key",
  "a key with another secret",
  "an expired token",
  "a token for another audience",
  "a token of another issuer",
  "a token that somebody else signed",
];

function headers(kind: string): Record<string, string> {
  const credential = bad[kind];
  return credential === undefined ? {} : { authorization: `Bearer ${credential}` };
}

/** Nobody, or nobody for now: an address that fails as often as this one is also told to wait. */
const REFUSED = [401, 429];

async function head(): Promise<number> {
  return (await site.app.getEvents({ type: ["workflow.*", "session.*", "key.*", "a"], limit: 1 })).events[0]?.sequence ?? 0;
}

describe.each(KINDS)("%s", (kind) => {
  test("[access.1] is refused by every operation over HTTP, and nothing is done", async () => {
    const before = await head();
    for (const [name, row] of Object.entries(ROWS)) {
      const [method, path, body] = row.ask(UNKNOWN);
      const response = await fetch(site.url + path, {
        method,
        headers: { "content-type": "application/json", ...headers(kind) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      expect([name, response.status]).toEqual([name, expect.toSatisfy((status: number) => REFUSED.includes(status))]);
    }
    expect(await head()).toBe(before);
  });

  test("[access.1] is refused by every tool, list and stream of MCP, before anything is read", async () => {
    const before = await head();
    const messages = [
      ...TOOL_ROWS.map(([operation, row]) => {
        const { name, args } = toolCall(operation, row.ask(UNKNOWN));
        return { method: "tools/call", params: { name, arguments: args } };
      }),
      ...["tools/list", "resources/list", "initialize", "events/list", "events/stream", "subscriptions/listen"].map((method) => ({
        method,
        params: {},
      })),
    ];
    for (const message of messages) {
      const response = await fetch(`${site.url}/mcp`, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers(kind) },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, ...message }),
      });
      expect([message.method, response.status]).toEqual([message.method, expect.toSatisfy((status: number) => REFUSED.includes(status))]);
    }
    expect(await head()).toBe(before);
  });

  test("[access.1] opens no stream, and gets no ticket", async () => {
    expect(REFUSED).toContain((await site.get(STREAMS.stream.path, headers(kind))).status);
    expect(REFUSED).toContain((await site.post(TICKETS.path, {}, headers(kind))).status);
    const credential = bad[kind];
    if (credential !== undefined) {
      await expect(Peer.open(site.url, { headers: headers(kind) })).rejects.toThrow(/401|429/);
      await using peer = await Peer.open(site.url);
      expect(await peer.ask({ op: "authenticate", id: "1", credential })).toMatchObject({ kind: "problem", id: null });
      expect([4401, 4429]).toContain((await peer.closed).code);
    }
  });
});
