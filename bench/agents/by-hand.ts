import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import Database from "better-sqlite3";
import { z } from "zod";
import { benchMessage } from "../event.ts";
import { job } from "../parent.ts";
import { Table } from "../sqlite.ts";
import type { AgentsJob } from "./part.ts";
import { agentsServer } from "./server.ts";

const EVERY_MS = 100;
const WAIT_MS = 25_000;

/** What one writes without Nexus: a tool that asks a table until something is there. */
const { file } = job<AgentsJob>();
const table = new Table(file);
const db = new Database(file, { readonly: true });
const newer = db.prepare<[number], { sequence: number; body: string }>(
  "SELECT sequence, body FROM events WHERE sequence > ? ORDER BY sequence LIMIT 50",
);

function mcp(): McpServer {
  const server = new McpServer({ name: "by-hand", version: "1" });
  const shape = { inputSchema: z.object({ cursor: z.string().optional() }) };
  server.registerTool("nexus_wait_for_events", shape, async ({ cursor = "earliest" }, ctx) => {
    for (const until = Date.now() + WAIT_MS; ; await setTimeout(EVERY_MS, undefined, { signal: ctx.mcpReq.signal })) {
      const rows = newer.all(cursor === "earliest" ? 0 : Number(cursor));
      if (rows.length === 0 && Date.now() < until) continue;
      const events = rows.map(({ body }) => JSON.parse(body) as unknown);
      const answer = { events, cursor: String(rows.at(-1)?.sequence ?? cursor) };
      return { content: [{ type: "text", text: JSON.stringify(answer) }], structuredContent: answer };
    }
  });
  return server;
}

const handler = createMcpHandler(mcp);
const listener = getRequestListener((request) => handler.fetch(request), { overrideGlobalObjects: false });
const server = createServer((request, response) => void listener(request, response)).listen(0, "127.0.0.1");
await once(server, "listening");
agentsServer((data) => table.commit(1, () => benchMessage(data)), (server.address() as AddressInfo).port);
