import type { McpServer } from "@modelcontextprotocol/server";
import { App } from "../../src/app.ts";
import { listen } from "../../src/channels/http/server.ts";
import { refuse } from "../../src/channels/http/upgrade.ts";
import { called, type McpParts, mcpServer, toolsFor } from "../../src/channels/mcp/server.ts";
import { NexusError } from "../../src/errors.ts";
import { Site } from "../../src/serve.ts";
import { memoryStore } from "../../src/stores/memory/store.ts";
import { CONTENT_TOOLS } from "./fixtures/content.ts";
import { INPUT_TOOLS } from "./fixtures/inputs.ts";
import { NOTICE_TOOLS } from "./fixtures/notices.ts";
import { addPrompts } from "./fixtures/prompts.ts";
import { addResources } from "./fixtures/resources.ts";
import type { ObjectSchema, Tool } from "./fixtures/tool.ts";
import { WORKFLOWS } from "./fixtures/workflows.ts";

const TOOLS: readonly Tool[] = [...CONTENT_TOOLS, ...NOTICE_TOOLS, ...INPUT_TOOLS];
const NOTHING: ObjectSchema = { type: "object", properties: {}, additionalProperties: false };

/** What the conformance suite is pointed at. */
export interface Served extends AsyncDisposable {
  /** The address of MCP. */
  readonly url: string;
}

/**
 * An app behind HTTP as Nexus serves it, on a port of its own: the same guard, site, endpoint, connections and server of MCP. Only,
 * that server has the tools, prompts and resources too that the conformance suite calls by name.
 */
export async function serve(): Promise<Served> {
  const options = { store: memoryStore(), workflows: WORKFLOWS, mcp: { toolPerWorkflow: true } };
  const app = new App(options);
  await app.begin();
  const site = new Site(app, options, withFixtures);
  const server = await listen(
    (request) => site.fetch(request, ""),
    (_request, socket) => refuse(socket, new NexusError("NOT_FOUND", { path: "/ws" }), app),
    { host: "127.0.0.1", port: 0, missing: "auth.authenticate", limits: app.limits, refusals: app },
  );
  return {
    url: `${server.url}/mcp`,
    [Symbol.asyncDispose]: async () => {
      await site.close();
      await server.close();
      await app.stop({ deadlineMs: 0 });
    },
  };
}

function withFixtures(parts: McpParts): McpServer {
  const mcp = mcpServer(parts);
  const listed = TOOLS.map(({ name, description, inputSchema = NOTHING }) => ({ name, description, inputSchema }));
  // In the place of the product's handlers: its tools, and those.
  mcp.server.setRequestHandler("tools/list", () => ({ tools: [...toolsFor(parts), ...listed] as never }));
  mcp.server.setRequestHandler("tools/call", ({ params: { name, arguments: given = {} } }, ctx) => {
    const tool = TOOLS.find((one) => one.name === name);
    return tool === undefined ? called(parts, name, given, ctx) : tool.call(ctx, given, parts.app);
  });
  addPrompts(mcp);
  addResources(mcp);
  return mcp;
}
