import {
  createMcpHandler,
  isInitializeRequest,
  isJsonContentType,
  isLegacyRequest,
  legacyStatelessFallback,
  type McpHttpHandler,
  readRequestBody,
} from "@modelcontextprotocol/server";
import type { App } from "../../app.ts";
import type { NexusError } from "../../errors.ts";
import { Connections } from "./connections.ts";
import { exchanges } from "./exchange.ts";
import { BodyFlow, type FlowParts } from "./flow.ts";
import { Hints } from "./hints.ts";
import { type McpParts, mcpServer, type ServerOf } from "./server.ts";
import { UnderWay } from "./under-way.ts";

export interface EndpointOptions {
  readonly app: App;
  readonly toolPerWorkflow: boolean;
  readonly opened: (stream: { tend(): void; stop(error: NexusError): void }) => () => void;
  readonly stopping: AbortSignal;
  /** Default: what Nexus serves. */
  readonly serverOf?: ServerOf | undefined;
}

/** As over HTTP: larger than anything that fits the limits of inputs and data. */
const BODY_BYTES = 1024 * 1024;
const MOST_LISTENERS = 1_024;
const MOST_WATCHED = 1_000;
/** How long answers that are due have to go out when the server stops. */
const LEAVING_MS = 1_000;
const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;
const INVALID_PARAMS = -32_602;
const SESSION_UNKNOWN = -32_001;

/** `/mcp`: both eras of the protocol under one address. Whoever calls has been admitted, and is known from the context. */
export class McpEndpoint {
  readonly #parts: McpParts;
  readonly #flow: FlowParts;
  readonly #modern: McpHttpHandler;
  readonly #stateless: ReturnType<typeof legacyStatelessFallback>;
  readonly #connections: Connections;

  constructor({ app, toolPerWorkflow, opened, stopping, serverOf = mcpServer }: EndpointOptions) {
    this.#parts = { app, toolPerWorkflow, stopping, underWay: new UnderWay(), streams: new Map() };
    this.#flow = { now: () => app.clock.now(), slow: () => app.counters.add("slow_readers"), opened };
    const hints = new Hints(app, toolPerWorkflow);
    const factory = (): ReturnType<ServerOf> => serverOf(this.#parts);
    // What a client did wrong it is told; here it would fill the log.
    const onerror = (error: Error): void => app.logger.debug({ error }, "an MCP message was refused");
    this.#modern = createMcpHandler(factory, { legacy: "reject", bus: hints.bus, maxSubscriptions: MOST_LISTENERS, onerror });
    this.#stateless = legacyStatelessFallback(factory, onerror);
    this.#connections = new Connections(this.#parts, factory, hints, this.#flow);
  }

  fetch(request: Request): Promise<Response> {
    return this.#parts.underWay.during(() => this.#answer(request));
  }

  /** Ends what is open, once those who waited have been told. */
  async close(): Promise<void> {
    await this.#parts.underWay.settled(LEAVING_MS);
    // What they were told is written in this turn.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#modern.close();
    await this.#connections.close();
  }

  async #answer(request: Request): Promise<Response> {
    if (request.method !== "POST") return await this.#route(request, undefined);
    if (!isJsonContentType(request.headers.get("content-type"))) return refused(415, INVALID_REQUEST, "Send application/json.");
    const read = await readRequestBody(request, BODY_BYTES);
    if (read.tooLarge) return refused(413, INVALID_REQUEST, `The body is larger than ${BODY_BYTES} bytes.`);
    let body: unknown;
    try {
      body = JSON.parse(read.text);
    } catch {
      return refused(400, PARSE_ERROR, "The body is not JSON.");
    }
    return await this.#route(request, body);
  }

  async #route(request: Request, body: unknown): Promise<Response> {
    const flow = new BodyFlow(this.#flow);
    const given = body === undefined ? {} : { parsedBody: body };
    if (!(await isLegacyRequest(request, body))) {
      const listensTo = watchedBy(body);
      if (listensTo.length > MOST_WATCHED) return refused(400, INVALID_PARAMS, `A stream watches ${MOST_WATCHED} resources at most.`);
      if (listensTo.length > 0) this.#parts.app.access.check("events:read");
      return flow.around(await exchanges.run({ flow, listensTo }, () => this.#modern.fetch(request, given)));
    }
    const id = request.headers.get("mcp-session-id");
    if (id !== null) {
      const unknown = (): Response => refused(404, SESSION_UNKNOWN, "There is no such session; initialize again.");
      return (await this.#connections.fetch(id, request, body)) ?? unknown();
    }
    if (isInitializeRequest(body)) return await this.#connections.open(request, body);
    return flow.around(await exchanges.run({ flow, listensTo: [] }, () => this.#stateless(request, given)));
  }
}

/** The resources that a `subscriptions/listen` names. */
function watchedBy(body: unknown): readonly string[] {
  const { method, params } = (body ?? {}) as {
    readonly method?: unknown;
    readonly params?: { readonly notifications?: { readonly resourceSubscriptions?: unknown } };
  };
  const uris = params?.notifications?.resourceSubscriptions;
  return method === "subscriptions/listen" && Array.isArray(uris) ? uris.filter((uri) => typeof uri === "string") : [];
}

function refused(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", id: null, error: { code, message } }, { status, headers: { "cache-control": "no-store" } });
}
