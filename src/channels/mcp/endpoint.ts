import {
  createMcpHandler,
  INVALID_PARAMS,
  INVALID_REQUEST,
  isInitializeRequest,
  isJsonContentType,
  isLegacyRequest,
  legacyStatelessFallback,
  type McpHttpHandler,
  PARSE_ERROR,
  readRequestBody,
} from "@modelcontextprotocol/server";
import { Places } from "../../access/places.ts";
import type { App } from "../../app.ts";
import { type ErrorCode, NexusError } from "../../errors.ts";
import { countProblem } from "../../operations/logged-problem.ts";
import { BOUNDS } from "./bounds.ts";
import { Connections } from "./connections.ts";
import { Webhooks } from "./events/webhooks.ts";
import { exchanges } from "./exchange.ts";
import { BodyFlow, type FlowParts } from "./flow.ts";
import { Hints } from "./hints.ts";
import { faultOfParams } from "./params.ts";
import { type McpParts, mcpServer, type ServerOf } from "./server.ts";
import { UnderWay } from "./under-way.ts";
import { faultOfWatched, isListen, watchedBy } from "./watched.ts";

export interface EndpointOptions {
  readonly app: App;
  readonly toolPerWorkflow: boolean;
  /** Webhooks of agents may go to this machine. */
  readonly allowLoopback: boolean;
  readonly opened: (stream: { tend(): void; stop(error: NexusError): void }) => () => void;
  readonly stopping: AbortSignal;
  /** Default: what Nexus serves. */
  readonly serverOf?: ServerOf | undefined;
}

/** As over HTTP: larger than anything that fits the limits of inputs and data. */
const BODY_BYTES = 1024 * 1024;
/** Deeper than anything that fits those limits. What the SDK checks by recursion is to end before the stack does. */
const MOST_DEPTH = 128;
/** How long answers that are due have to go out when the server stops. */
const LEAVING_MS = 1_000;
const SESSION_UNKNOWN = -32_001;

/** `/mcp`: both eras of the protocol under one address. Whoever calls has been admitted, and is known from the context. */
export class McpEndpoint {
  readonly #parts: McpParts;
  readonly #flow: FlowParts;
  readonly #modern: McpHttpHandler;
  readonly #stateless: ReturnType<typeof legacyStatelessFallback>;
  readonly #connections: Connections;
  readonly #listeners = new Places(BOUNDS);

  constructor({ app, toolPerWorkflow, allowLoopback, opened, stopping, serverOf = mcpServer }: EndpointOptions) {
    const webhooks = new Webhooks({ app, stopping, allowLoopback });
    this.#parts = { app, toolPerWorkflow, stopping, underWay: new UnderWay(), streams: new Places(BOUNDS), webhooks };
    this.#flow = { now: () => app.clock.now(), slow: () => app.counters.add("slow_readers"), opened };
    const hints = new Hints(app, toolPerWorkflow);
    const factory = (): ReturnType<ServerOf> => serverOf(this.#parts);
    // What a client did wrong it is told; here it would fill the log.
    const onerror = (error: Error): void => app.logger.debug({ error }, "an MCP message was refused");
    this.#modern = createMcpHandler(factory, { legacy: "reject", bus: hints.bus, maxSubscriptions: BOUNDS.most + 1, onerror });
    this.#stateless = legacyStatelessFallback(factory, onerror);
    this.#connections = new Connections(this.#parts, factory, hints, this.#flow);
  }

  async fetch(request: Request): Promise<Response> {
    const response = await this.#parts.underWay.during(() => this.#answer(request));
    // Whether a connection stays is for those at its ends to say: of HTTP/2 it is an error.
    response.headers.delete("connection");
    if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
    return response;
  }

  /** Ends what is open, once those who waited have been told. */
  async close(): Promise<void> {
    await this.#parts.webhooks.close();
    await this.#parts.underWay.settled(LEAVING_MS);
    // What they were told is written in this turn.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#modern.close();
    await this.#connections.close();
  }

  async #answer(request: Request): Promise<Response> {
    if (request.method !== "POST") return await this.#route(request, undefined);
    if (!isJsonContentType(request.headers.get("content-type"))) return refused(415, INVALID_REQUEST, "Send application/json.");
    let body: unknown;
    try {
      const read = await readRequestBody(request, BODY_BYTES);
      if (read.tooLarge) return this.#refused("BODY_TOO_LARGE", 413, INVALID_REQUEST, `The body is larger than ${BODY_BYTES} bytes.`);
      body = JSON.parse(read.text);
    } catch {
      // Or it broke off with its client: then nobody reads this.
      return this.#refused("BODY_INVALID", 400, PARSE_ERROR, "The body is not JSON.");
    }
    if (isDeeper(body, MOST_DEPTH))
      return this.#refused("BODY_INVALID", 400, INVALID_REQUEST, `The body is nested deeper than ${MOST_DEPTH}.`);
    return await this.#route(request, body);
  }

  /** In the protocol's words, and counted as on every other channel. */
  #refused(code: ErrorCode, status: number, rpcCode: number, message: string): Response {
    countProblem(code, this.#parts.app.counters);
    return refused(status, rpcCode, message);
  }

  async #route(request: Request, body: unknown): Promise<Response> {
    const isLegacy = await isLegacyRequest(request, body);
    const fault = faultOfParams(body, isLegacy);
    if (fault !== undefined) return refused(200, INVALID_PARAMS, fault, (body as { readonly id?: unknown }).id);
    if (!isLegacy) return await this.#modernAnswer(request, body);
    const id = request.headers.get("mcp-session-id");
    if (id !== null) {
      const unknown = (): Response => refused(404, SESSION_UNKNOWN, "There is no such session; initialize again.");
      return (await this.#connections.fetch(id, request, body)) ?? unknown();
    }
    if (isInitializeRequest(body)) return await this.#connections.open(request, body);
    const flow = new BodyFlow(this.#flow);
    return flow.around(await exchanges.run({ flow, listensTo: [] }, () => this.#stateless(request, given(body))));
  }

  async #modernAnswer(request: Request, body: unknown): Promise<Response> {
    const flow = new BodyFlow(this.#flow);
    const answer = (listensTo: readonly string[]): Promise<Response> =>
      exchanges.run({ flow, listensTo }, () => this.#modern.fetch(request, given(body)));
    if (!isListen(body)) return flow.around(await answer([]));
    const { access, counters } = this.#parts.app;
    const uris = watchedBy(body);
    if (uris.length > 0) access.check("events:read");
    const fault = faultOfWatched(uris);
    if (fault !== undefined) return refused(400, INVALID_PARAMS, fault, body.id);
    const leave = this.#listeners.take(access.caller?.userId);
    if (leave === undefined) {
      counters.add("streams_refused");
      throw new NexusError("OVERLOADED", { retryAfterMs: 5_000, what: "streams of MCP clients" });
    }
    try {
      return flow.around(await answer(uris), leave);
    } catch (error) {
      leave();
      throw error;
    }
  }
}

function given(body: unknown): { readonly parsedBody?: unknown } {
  return body === undefined ? {} : { parsedBody: body };
}

/** Looks at one depth after the other, as recursion would overflow on just what this is there to find. */
function isDeeper(value: unknown, depth: number): boolean {
  let level = [value];
  for (let left = depth; level.length > 0; left--) {
    if (left === 0) return true;
    level = level.flatMap((each) => (typeof each === "object" && each !== null ? Object.values(each as object) : []));
  }
  return false;
}

function refused(status: number, code: number, message: string, id?: unknown): Response {
  const known = typeof id === "string" || typeof id === "number" ? id : null;
  return Response.json({ jsonrpc: "2.0", id: known, error: { code, message } }, { status });
}
