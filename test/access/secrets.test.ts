import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { defineWorkflow, type Logger, memoryStore, Nexus } from "nexus-event-system";
import { webhook } from "nexus-event-system/sinks";
import { expect, test } from "vitest";
import { DOCUMENTS, OPERATIONS } from "../../src/operations/table.ts";

const PLANTED = {
  card: "4111111111111111-planted",
  token: "planted-token-of-a-result",
  wrong: `nexus_${"0".repeat(12)}_${"planted".padEnd(43, "x")}`,
  password: "planted-password",
};
const HOOK = `whsec_${Buffer.from("planted-secret-of-a-webhook-32-b").toString("base64")}`;

/** Everything that anybody who may ask for everything is told: each operation that only reads, documents, files of the page, MCP, and streams. */
async function everything(url: string, key: string, ids: Readonly<Record<string, string>>): Promise<string> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", accept: "application/json, text/event-stream" };
  const told: string[] = [];
  const ask = async (path: string, init: RequestInit = {}): Promise<void> => {
    const response = await fetch(url + path, { headers, ...init });
    told.push(path, ...[...response.headers].flat(), await response.text());
  };
  const paths = OPERATIONS.filter(({ method, name }) => method === "GET" && name !== "events.poll").map(({ path }) =>
    path.replaceAll(/\{(\w+)\}/g, (_all, param: string) => ids[param] ?? "x"),
  );
  for (const path of [...paths, ...Object.values(DOCUMENTS).map((document) => document.path), "/", "/page.js", "/healthz"]) await ask(path);
  await ask("/events?limit=1000");
  await ask("/events/poll?after=earliest&waitMs=0&limit=1000");
  for (const [method, params] of [
    ["tools/list", {}],
    ["tools/call", { name: "nexus_get_run", arguments: { runId: ids["runId"] } }],
    ["tools/call", { name: "nexus_list_events", arguments: {} }],
    ["tools/call", { name: "nexus_get_consumer", arguments: { name: "hook" } }],
    ["resources/read", { uri: `nexus://runs/${ids["runId"]}/events` }],
  ] as const)
    await ask("/mcp", { method: "POST", body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }) });
  // And what is said of calls that are wrong.
  await ask("/workflows/pay/execute", { method: "POST", body: `{"inputs": {"card": "${PLANTED.card}", "n": ` });
  await ask("/workflows/pay/execute", { method: "POST", body: JSON.stringify({ inputs: { card: PLANTED.card, n: "no number" } }) });
  await ask("/events", { headers: { ...headers, authorization: `Bearer ${PLANTED.wrong}` } });
  return told.join("\n");
}

test("[access.1] [event.8] a secret that was planted comes out nowhere: not in answers, events, documents, errors, health, the page, MCP or the log", async () => {
  const logged: string[] = [];
  const keep = (fields: object, message?: string): void => void logged.push(inspect(fields, { depth: 10 }), message ?? "");
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };
  const hook = createServer((_request, response) => void response.writeHead(500).end(`no: ${HOOK}`)).listen(0, "127.0.0.1");
  await once(hook, "listening");
  const pay = defineWorkflow("pay", { inputs: { card: "string", n: "number" } }, async ({ card }, ctx) => {
    await ctx.step("charge", () => ({ token: `${PLANTED.token} for ${card.length}` }));
    return { token: PLANTED.token };
  });
  const failing = defineWorkflow("failing", { inputs: { card: "string" } }, async () => {
    throw new Error("the card was refused");
  });
  await using app = new Nexus({
    store: memoryStore(),
    logger,
    workflows: [pay, failing],
    redact: ["inputs.card", "result.token"],
  });
  const target = `http://user:${PLANTED.password}@127.0.0.1:${(hook.address() as AddressInfo).port}/${PLANTED.password}?key=${PLANTED.password}`;
  const sink = ((): ReturnType<typeof webhook> => {
    try {
      return webhook({ url: target, secret: HOOK, allowLoopback: true });
    } catch (error) {
      logged.push(inspect(error));
      return webhook({ url: target.replace(/user:[^@]+@/, ""), secret: HOOK, allowLoopback: true });
    }
  })();
  app.consumer("hook", { type: "workflow.completed", retry: { attempts: 1 } }, sink);
  const { url = "" } = await app.start({ port: 0 });
  const post = async (path: string, body: object, key?: string): Promise<any> =>
    await (
      await fetch(url + path, {
        method: "POST",
        headers: { "content-type": "application/json", ...(key !== undefined && { authorization: `Bearer ${key}` }) },
        body: JSON.stringify(body),
      })
    ).json();
  const { key, id: keyId } = await post("/keys", { userId: "operator", scopes: ["admin"] });
  const { runId } = await post("/workflows/pay/execute", { inputs: { card: PLANTED.card, n: 1 } }, key);
  await post("/workflows/failing/execute", { inputs: { card: PLANTED.card } }, key);
  await app.waitForEvent("consumer.dead_lettered", { after: "earliest" });
  const ticket = await fetch(`${url}/tickets`, { method: "POST", headers: { authorization: `Bearer ${key}` } });
  const cookie = /nexus-ticket=([^;]+)/.exec(ticket.headers.get("set-cookie") ?? "")?.[1] as string;
  const { events } = await app.getEvents({ type: "consumer.dead_lettered" });
  const { eventId } = (events[0] as (typeof events)[number]).data as { readonly eventId: string };
  const told = await everything(url, key, { runId, keyId, eventId, name: "pay", consumer: "hook", workflow: "pay" });
  expect(told).toContain(runId);
  const secrets = { ...PLANTED, wrong: PLANTED.wrong.slice(-43), key: key.slice(-43), cookie, hook: HOOK.slice("whsec_".length) };
  for (const [what, secret] of Object.entries(secrets)) {
    expect([what, told.includes(secret)]).toEqual([what, false]);
    expect([what, logged.join("\n").includes(secret)]).toEqual([what, false]);
  }
  hook.close();
});
