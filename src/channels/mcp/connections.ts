import { randomUUID } from "node:crypto";
import { type McpServer, WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import { NexusError } from "../../errors.ts";
import { BOUNDS } from "./bounds.ts";
import { cancelledBy, endExchange } from "./cancelled.ts";
import { exchanges } from "./exchange.ts";
import { BodyFlow, type FlowParts, isStream } from "./flow.ts";
import type { Hints } from "./hints.ts";
import type { McpParts } from "./server.ts";
import { broadcastsOn, readerOf, Watching } from "./watching.ts";

/** A connection that nothing came over for so long, and that has no stream open, is over. */
const IDLE_MS = 30 * 60_000;

/** A client of 2025-11-25 with its `Mcp-Session-Id`. It is its caller's alone, and knows of no other's. */
interface Connection {
  readonly userId: string | undefined;
  readonly server: McpServer;
  readonly transport: WebStandardStreamableHTTPServerTransport;
  readonly watching: Watching;
  usedAt: number;
  /** Requests and streams that are under way. */
  underWay: number;
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
    const id = randomUUID();
    const server = this.#newServer();
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => id,
      onsessionclosed: () => this.#forget(id),
    });
    const connection: Connection = { userId, server, transport, watching: new Watching(app, this.#hints), usedAt: 0, underWay: 1 };
    // Before anything is awaited: of many that are opened at once, each counts.
    this.#all.set(id, connection);
    try {
      connection.watching.handle(server);
      await server.connect(transport);
      return await this.#answered(connection, request, body);
    } finally {
      connection.underWay--;
      // What was sent opened none.
      if (transport.sessionId === undefined) void this.#drop(id);
    }
  }

  async close(): Promise<void> {
    const all = [...this.#all.keys()];
    await Promise.all(all.map((id) => this.#drop(id)));
  }

  async #answered(connection: Connection, request: Request, body: unknown): Promise<Response> {
    const { transport } = connection;
    const flow = new BodyFlow(this.#flow);
    connection.underWay++;
    const done = (): void => {
      connection.underWay--;
      connection.usedAt = this.#parts.app.clock.now();
    };
    let response: Response;
    try {
      const given = body === undefined ? {} : { parsedBody: body };
      response = await exchanges.run({ flow, listensTo: [] }, () => transport.handleRequest(request, given));
    } catch (error) {
      done();
      throw error;
    }
    const cancelled = cancelledBy(body);
    if (cancelled !== undefined) void endExchange(transport, cancelled);
    if (request.method !== "GET" || !isStream(response)) return flow.around(response, done);
    let untold = (): void => {};
    const answer = flow.around(response, () => {
      untold();
      done();
    });
    const { server, watching } = connection;
    untold = watching.tell({ ...readerOf(server, this.#parts.app, flow), broadcast: broadcastsOn(server, transport.sessionId) });
    return answer;
  }

  /** The longest unused of the same caller goes first, then that of anyone; never one with something under way. @throws OVERLOADED */
  #makeRoom(userId: string | undefined): void {
    const own = userId === undefined ? [] : [...this.#all].filter(([, connection]) => connection.userId === userId);
    if (own.length >= BOUNDS.mostOfOne) this.#dropOldest(own);
    else if (this.#all.size >= BOUNDS.most) this.#dropOldest([...this.#all]);
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
