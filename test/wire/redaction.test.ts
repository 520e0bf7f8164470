import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { defineWorkflow, type Logger, type NexusEvent, sqliteStore } from "nexus-event-system";
import { expect, test } from "vitest";
import { nexus } from "../cli/nexus.ts";
import { Peer } from "../http/fixtures/peer.ts";
import { type Site, serve } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";
import { type Agent, CLIENTS } from "../mcp/fixtures/clients.ts";

const SECRET = "4111-planted-secret";
const redact = ["inputs.card", "metadata.token", "result.key", "error.message"];
const charge = defineWorkflow("charge", async (inputs, ctx) => {
  await ctx.step("small", () => ({ key: SECRET }));
  await ctx.step("large", () => ({ key: SECRET.repeat(5_000), n: "x".repeat(40_000) }));
  if (inputs["fail"] === true) throw new Error(`refused: ${SECRET}`);
  return { key: SECRET, right: inputs["card"] === SECRET && ctx.metadata?.["token"] === SECRET };
});
const INPUTS = { card: SECRET, amount: 5 };
const connect = CLIENTS["2026-07-28"] as (url: string) => Promise<Agent>;
const body = (fail: boolean): object => ({ inputs: { ...INPUTS, ...(fail && { fail }) }, metadata: { token: SECRET } });

test("[event.8] a planted secret comes out nowhere: not on any channel, in a handler, an error, a log line or a row of the file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexus-test-"));
  const file = join(folder, "nexus.db");
  const out: string[] = [];
  const rows: string[] = [];
  const keep = (...said: unknown[]): void =>
    void out.push(...said.map((each) => (each instanceof Error ? String(each.stack) : JSON.stringify(each))));
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };
  try {
    await using site = await serve({ workflows: [charge], redact, logger, store: sqliteStore(file) });
    const { app } = site;
    app.onEvent("*", keep);
    await using stream = await Stream.open(`${site.url}/events/stream?type=workflow.completed,workflow.failed`);
    await using peer = await Peer.open(site.url);
    peer.send({ op: "subscribe", id: "s", filter: {} });
    await peer.kind("resume");
    const subscribed = (async () => {
      const events: NexusEvent[] = [];
      for await (const event of app.subscribe({ type: "workflow.*", after: "earliest" })) if (events.push(event) === 5) break;
      return events;
    })();
    for (const fail of [false, true]) keep((await site.post("/workflows/charge/execute", body(fail))).body);
    keep(await stream.events(2));
    for (let frame = await peer.kind("event"); frame.event.type !== "workflow.failed"; frame = await peer.kind("event")) keep(frame);
    keep(await subscribed);
    const failed = app.execute("charge", { ...INPUTS, fail: true }, { metadata: { token: SECRET } });
    keep(await failed.catch((error: unknown) => [error, (error as Error).message, (error as Error).stack]));
    for (const path of ["/events?after=earliest&limit=1000", "/events/poll?after=earliest&limit=1000", "/runs", "/health", "/workflows"])
      keep((await site.get(path)).body);
    for (const { runId } of (await site.get("/runs")).body.runs)
      for (const path of [`/runs/${runId}`, `/runs/${runId}/events`]) keep((await site.get(path)).body);
    await using agent = await connect(site.url);
    for (const fail of [false, true]) keep(await agent.call("nexus_run_workflow", { workflow: "charge", ...body(fail) }));
    for (const tool of ["list_runs", "list_events", "wait_for_events", "get_health", "list_workflows"])
      keep(await agent.call(`nexus_${tool}`, /events/.test(tool) ? { after: "earliest" } : {}));
    keep(await agent.ask("events/poll", { name: "nexus.event", cursor: "earliest" }));
    for (const uri of ["nexus://events", "nexus://workflows"]) keep(await agent.ask("resources/read", { uri }));
    for (const { runId } of (await site.get("/runs")).body.runs) {
      for (const tool of ["get_run", "list_run_events"]) keep(await agent.call(`nexus_${tool}`, { runId }));
      keep(await agent.ask("resources/read", { uri: `nexus://runs/${runId}` }));
    }
    await app.settled();
    expect(out.length).toBeGreaterThan(40);
  } finally {
    const db = new Database(file, { readonly: true });
    const tables = db.prepare("select name from sqlite_master where type = 'table'").pluck().all() as string[];
    for (const table of tables)
      for (const row of db.prepare(`select * from "${table}"`).raw().iterate() as Iterable<unknown[]>)
        rows.push(row.map((value) => (Buffer.isBuffer(value) ? value.toString("latin1") : String(value))).join());
    db.close();
    await rm(folder, { recursive: true });
  }
  expect([...out, ...rows].filter((text) => text.includes(SECRET))).toEqual([]);
  for (const each of [out, rows]) expect(each.join()).toContain("[redacted]");
}, 60_000);

const ANSWERS: Readonly<Record<string, (site: Site) => Promise<unknown>>> = {
  "in process": async ({ app }) => await app.execute("charge", INPUTS, { metadata: { token: SECRET } }),
  HTTP: async (site) => (await site.post("/workflows/charge/execute", body(false))).body.result,
  MCP: async (site) => {
    await using agent = await connect(site.url);
    return (await agent.call("nexus_run_workflow", { workflow: "charge", ...body(false) })).structuredContent.result;
  },
  WebSocket: async (site) => {
    await using peer = await Peer.open(site.url);
    return (await peer.ask({ op: "execute", id: "1", input: { workflow: "charge", ...body(false) } })).result.result;
  },
};

test("[event.8] [run.6] a result is answered as it is recorded, on every channel", async () => {
  await using site = await serve({ workflows: [charge], redact });
  for (const [channel, ask] of Object.entries(ANSWERS))
    expect([channel, await ask(site)]).toEqual([channel, { key: "[redacted]", right: true }]);
  const { stdout } = await nexus(["run", "charge", "--inputs", JSON.stringify(INPUTS)], { url: site.url });
  expect(JSON.parse(stdout)).toEqual({ key: "[redacted]", right: false });
}, 60_000);
