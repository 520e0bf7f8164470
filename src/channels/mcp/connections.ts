import { randomUUID } from "node:crypto";
import { INVALID_PARAMS, type McpServer, ProtocolError, WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import { NexusError } from "../../errors.ts";
import { exchanges } from "./exchange.ts";
import { BodyFlow, type FlowParts } from "./flow.ts";
import type { HintReader, Hints } from "./hints.ts";
import type { McpParts } from "./server.ts";

/** A connection that nothing came over for so long, and that has no stream open, is over. */
const IDLE_MS = 30 * 60_000;
const MOST = 1_000;
/** Of one caller, where callers are known. */
const MOST_OF_ONE = 100;
const MOST_WATCHED = 1_000;

/** A client of 2025-11-25 with its `Mcp-Session-Id`. It is its caller's alone, and knows of no other's. */
interface Connection {
  readonly userId: string | undefined;
  readonly server: McpServer;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly watched: Set<string>;
  usedAt: number;
  /** Requests and streams that are under way. */
  underWay: number;
  reader: HintReader | undefined;
}

/**
 * Clients of the protocol before 2026-07-28, which keep a connection. Nothing that was sent over one is kept for a second time:
 * the wait tool and `events/*` are how one goes on after a loss.
 */
export class Connections {
  readonly #parts: McpParts;
  readonly #newServer: () => McpServer;
  readonly #hints: Hints;
  readonly #flow: FlowParts;
  readonly #all = new Map<string, Connection>();

  constructor(parts: McpParts, newServer: () => McpServer, hints: Hints, flow: FlowParts) {
    this.#parts = parts;
    this.#newServer = newServer;
    this.#hints = hints;
    this.#flow = flow;
  }

  /** A message of a connection that is there. `undefined` for one that is not: it is over, or another's. */
  async fetch(id: string, request: Request, body: unknown): Promise<Response | undefined> {
    this.#dropIdle();
    const connection = this.#all.get(id);
    if (connection === undefined || connection.userId !== this.#parts.app.access.caller?.userId) return undefined;
    return await this.#answered(connection, request, body);
  }

  /** The first message of a connection. @throws OVERLOADED */
  async open(request: Request, body: unknown): Promise<Response> {
    const { app } = this.#parts;
    this.#dropIdle();
    const userId = app.access.caller?.userId;
    this.#makeRoom(userId);
    const server = this.#newServer();
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void this.#all.set(id, connection),
      onsessionclosed: (id) => this.#forget(id),
    });
    const connection: Connection = { userId, server, transport, watched: new Set(), usedAt: 0, underWay: 0, reader: undefined };
    this.#handleWatching(connection);
    await server.connect(transport);
    return await this.#answered(connection, request, body);
  }

  async close(): Promise<void> {
    const all = [...this.#all.keys()];
    await Promise.all(all.map((id) => this.#drop(id)));
  }

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  async #answered(connection: Connection, request: Request, body: unknown): Promise<Response> {
    const { transport } = connection;
    const flow = new BodyFlow(this.#flow);
    connection.underWay++;
    const done = (): void => {
      connection.underWay--;
      connection.usedAt = this.#parts.app.clock.now();
    };
    try {
      const given = body === undefined ? {} : { parsedBody: body };
      const response = await exchanges.run({ flow, listensTo: [] }, () => transport.handleRequest(request, given));
      const streams = (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
      if (!streams) {
        done();
        return response;
      }
      if (request.method !== "GET") return flow.around(response, done);
      const reader = this.#readerOf(connection, flow);
      connection.reader = reader;
      this.#hints.add(reader);
      for (const uri of connection.watched) this.#hints.watch(reader, uri);
      return flow.around(response, () => {
        this.#hints.remove(reader);
        if (connection.reader === reader) connection.reader = undefined;
        done();
      });
    } catch (error) {
      done();
      throw error;
    }
  }

  #readerOf({ server }: Connection, flow: BodyFlow): HintReader {
    // The stream may have ended in this very turn: then nobody is there to be told.
    const told = (sent: Promise<void>): void => void sent.catch(() => {});
    return {
      sight: this.#parts.app.access.sight,
      flow,
      toolsChanged: () => server.sendToolListChanged(),
      resourcesChanged: () => server.sendResourceListChanged(),
      resourceUpdated: (uri) => told(server.server.sendResourceUpdated({ uri })),
      broadcast: (event) => told(server.sendLoggingMessage({ level: "notice", logger: "nexus", data: event })),
    };
  }

  #handleWatching(connection: Connection): void {
    const { server } = connection.server;
    server.setRequestHandler("resources/subscribe", ({ params: { uri } }) => {
      this.#parts.app.access.check("events:read");
      if (connection.watched.size >= MOST_WATCHED && !connection.watched.has(uri))
        throw new ProtocolError(INVALID_PARAMS, `A connection watches ${MOST_WATCHED} resources at most.`);
      connection.watched.add(uri);
      if (connection.reader !== undefined) this.#hints.watch(connection.reader, uri);
      return {};
    });
    server.setRequestHandler("resources/unsubscribe", ({ params: { uri } }) => {
      connection.watched.delete(uri);
      if (connection.reader !== undefined) this.#hints.unwatch(connection.reader, uri);
      return {};
    });
  }

  /** The longest unused of the same caller goes first, then that of anyone; never one with something under way. @throws OVERLOADED */
  #makeRoom(userId: string | undefined): void {
    const own = userId === undefined ? [] : [...this.#all].filter(([, connection]) => connection.userId === userId);
    if (own.length >= MOST_OF_ONE) this.#dropOldest(own);
    else if (this.#all.size >= MOST) this.#dropOldest([...this.#all]);
  }

  #dropOldest(among: readonly (readonly [string, Connection])[]): void {
    const idle = among.filter(([, { underWay }]) => underWay === 0).sort(([, one], [, other]) => one.usedAt - other.usedAt)[0];
    if (idle === undefined) throw new NexusError("OVERLOADED", { retryAfterMs: 5_000, what: "connections of MCP clients" });
    void this.#drop(idle[0]);
  }

  #dropIdle(): void {
    const before = this.#parts.app.clock.now() - IDLE_MS;
    for (const [id, { underWay, usedAt }] of this.#all) if (underWay === 0 && usedAt <= before) void this.#drop(id);
  }

  async #drop(id: string): Promise<void> {
    const connection = this.#all.get(id);
    this.#forget(id);
    await connection?.server.close();
  }

  #forget(id: string): void {
    this.#all.delete(id);
  }
}
