import {
  type McpServer,
  type ReadResourceResult,
  ResourceNotFoundError,
  ResourceTemplate,
  UriTemplate,
  type Variables,
} from "@modelcontextprotocol/server";
import type { App } from "../../app.ts";
import { ERRORS, NexusError } from "../../errors.ts";
import type { NexusEvent } from "../../events/event.ts";
import { checkInput, coerced } from "../../operations/input.ts";
import { perform } from "../../operations/perform.ts";
import { operationNamed } from "../../operations/table.ts";
import { SPARING } from "./call-tool.ts";
import { rpcError } from "./rpc-error.ts";

interface Told {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The operation that reads it. */
  readonly operation: string;
}

const FIXED: readonly (Told & { readonly uri: string })[] = [
  {
    uri: "nexus://events",
    name: "events",
    title: "Newest events",
    description: "The newest events, and the cursor to go on from.",
    operation: "events.list",
  },
  { uri: "nexus://workflows", name: "workflows", title: "Workflows", description: "What can be run.", operation: "workflows.list" },
];
const TEMPLATES: readonly (Told & { readonly template: string })[] = [
  {
    template: "nexus://events{?after,limit}",
    name: "events-after",
    title: "Events after a place",
    description: "One page of events after a cursor.",
    operation: "events.list",
  },
  {
    template: "nexus://workflows/{name}",
    name: "workflow",
    title: "A workflow",
    description: "One workflow, and the JSON Schema of its inputs.",
    operation: "workflows.get",
  },
  { template: "nexus://runs/{runId}", name: "run", title: "A run", description: "One run, with its steps.", operation: "runs.get" },
  {
    template: "nexus://runs/{runId}/events",
    name: "run-events",
    title: "The events of a run",
    description: "The events of a run, oldest first.",
    operation: "runs.events",
  },
  {
    template: "nexus://sessions/{sessionId}",
    name: "session",
    title: "A session",
    description: "One session, with its data.",
    operation: "sessions.get",
  },
];
const MIME = "application/json";
/** As in tools. */
const LIMIT = "50";

/** Views of the log and of what is registered: the answers of operations, under addresses that can be looked at again. */
export function addResources(server: McpServer, app: App): void {
  for (const { uri, name, title, description, operation } of FIXED)
    server.registerResource(name, uri, { title, description, mimeType: MIME }, () => read(app, operation, uri, {}));
  for (const { template, name, title, description, operation } of TEMPLATES) {
    const list = operation === "workflows.get" ? () => ({ resources: workflows(app) }) : undefined;
    server.registerResource(
      name,
      new ResourceTemplate(new Address(template), { list }),
      { title, description, mimeType: MIME },
      (uri, variables) => read(app, operation, uri.href, variables),
    );
  }
}

/** A template whose query may be left out in part, and come in any order. */
class Address extends UriTemplate {
  override match(uri: string): Variables | null {
    const [path = "", query] = uri.split("?", 2);
    if (query === undefined) return super.match(uri);
    const given = new URLSearchParams(query);
    if (path !== this.toString().split("{?")[0] || [...given.keys()].some((name) => !this.variableNames.includes(name))) return null;
    return Object.fromEntries(given);
  }
}

/** The addresses whose content an event changes. */
export function resourcesOf({ type, runId, sessionId, workflowName }: NexusEvent): readonly string[] {
  const uris = ["nexus://events"];
  if (runId !== undefined) uris.push(`nexus://runs/${runId}`, `nexus://runs/${runId}/events`);
  if (type.startsWith("session.") && sessionId !== undefined) uris.push(`nexus://sessions/${sessionId}`);
  if (changesWorkflows(type)) uris.push("nexus://workflows", `nexus://workflows/${workflowName}`);
  return uris;
}

export function changesWorkflows(type: string): boolean {
  return type === "workflow.registered" || type === "workflow.unregistered";
}

function workflows(app: App): { uri: string; name: string; mimeType: string; description?: string }[] {
  if (!app.access.allows("workflows:read")) return [];
  return app.workflows().map(({ name, description }) => ({
    uri: `nexus://workflows/${name}`,
    name,
    mimeType: MIME,
    ...(description !== undefined && { description }),
  }));
}

async function read(app: App, name: string, uri: string, variables: Variables): Promise<ReadResourceResult> {
  const operation = operationNamed(name);
  try {
    const texts = Object.entries(variables).flatMap(([variable, value]) =>
      value === undefined || value === "" ? [] : [[variable, String(value)] as const],
    );
    const limited = "limit" in operation.query.properties ? { limit: LIMIT } : {};
    const query = Object.entries(operation.query.properties);
    const input = (): object => {
      const given: Readonly<Record<string, string>> = { ...limited, ...Object.fromEntries(texts) };
      const asked = coerced(
        operation.query,
        Object.fromEntries(Object.entries(given).filter(([key]) => query.some(([known]) => known === key))),
      );
      checkInput(operation.query, asked);
      return { ...given, ...asked };
    };
    const { body } = await perform(app, operation, input, { signal: AbortSignal.any([]), sparing: SPARING });
    return { contents: [{ uri, mimeType: MIME, text: JSON.stringify(body) }] };
  } catch (error) {
    if (NexusError.is(error) && ERRORS[error.code].http === 404) throw new ResourceNotFoundError(uri);
    throw rpcError(error, app);
  }
}
