// An agent runs a workflow, loses its connection in the middle of a wait, and goes on from the cursor it kept.
import assert from "node:assert/strict";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { defineWorkflow, memoryStore, Nexus, type NexusEvent } from "nexus-event-system";
import { z } from "zod";

const publishReport = defineWorkflow("publish-report", { inputs: z.object({ quarter: z.string() }) }, async ({ quarter }, ctx) => {
  const pages = await ctx.step("write", () => 12);
  await ctx.emitEvent("report.drafted", { quarter, pages });
  await ctx.waitForEvent("report.approved", { match: { quarter } });
  await ctx.step("publish", () => `${quarter} is out`);
  return { quarter, pages };
});

interface Wait {
  readonly events?: readonly NexusEvent[];
  readonly hasMore?: boolean;
  readonly timedOut?: boolean;
}

const ENDS = ["workflow.completed", "workflow.failed", "workflow.cancelled"];

const app = new Nexus({ store: memoryStore(), workflows: [publishReport] });
const { url } = await app.start({ port: 0 });

let client = await connect();
agent("tools/list");
const { tools } = await client.listTools();
nexus(
  `${tools.length} tools: ${tools
    .map(({ name }) => name)
    .slice(0, 3)
    .join(", ")} …`,
);

const { runId, cursor: start } = await call("nexus_run_workflow", { workflow: "publish-report", inputs: { quarter: "Q3" }, waitMs: 0 });
const cursor = await waitFrom(start, ["report.drafted", "workflow.failed"]);

// The first progress says that the server is waiting now.
const waiting = Promise.withResolvers<void>();
const cut = call("nexus_wait_for_events", { cursor, filter: { runId }, stopOn: ENDS }, waiting.resolve);
await waiting.promise;
await client.close();
await assert.rejects(cut);
console.log("\n(the connection is lost; someone approves the report, and the run ends)\n");
await app.emitEvent("report.approved", { quarter: "Q3" });
await app.waitForEvent("workflow.completed", { runId, after: cursor });

client = await connect();
await waitFrom(cursor, ENDS);
await client.close();
await app.stop();

async function connect(): Promise<Client> {
  const connecting = new Client({ name: "agent", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
  await connecting.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)));
  console.log(`connected with MCP ${connecting.getNegotiatedProtocolVersion()}`);
  return connecting;
}

/** Waits until an event of such a type has come, in as many calls as that takes. @returns the cursor to go on from. */
async function waitFrom(after: string, stopOn: readonly string[]): Promise<string> {
  const answer = await call("nexus_wait_for_events", { cursor: after, filter: { runId }, stopOn });
  const types = (answer.events as NexusEvent[]).map(({ type }) => type);
  return types.some((type) => stopOn.includes(type)) ? answer.cursor : await waitFrom(answer.cursor, stopOn);
}

async function call(name: string, given: Record<string, unknown>, onprogress?: () => void): Promise<any> {
  agent(`${name} ${JSON.stringify(given)}`);
  const answer = await client.callTool({ name, arguments: given }, onprogress === undefined ? {} : { onprogress });
  assert.ok(answer.isError !== true, JSON.stringify(answer.content));
  // Whether there is more already depends on the moment; the cursor is what counts.
  const { events = [], hasMore: _, timedOut: __, ...rest } = answer.structuredContent as Wait;
  for (const event of events) nexus(`${event.type} ${shown(event)}`);
  nexus(JSON.stringify(rest));
  return answer.structuredContent;
}

/** What a reader wants of it; an agent gets all of it. */
function shown({ data }: NexusEvent): string {
  const { step, result } = data as { readonly step?: string; readonly result?: unknown };
  return step ?? JSON.stringify(result ?? data);
}

function agent(says: string): void {
  console.log(`agent  ${says}`);
}
function nexus(says: string): void {
  console.log(`nexus    ${says}`);
}
