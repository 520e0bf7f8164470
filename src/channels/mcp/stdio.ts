import type { Readable, Writable } from "node:stream";
import { type JSONRPCMessage, type McpServer, ProtocolError, type Transport } from "@modelcontextprotocol/server";
import { type StdioServerHandle, serveStdio } from "@modelcontextprotocol/server/stdio";
import { Places } from "../../access/places.ts";
import { NexusError } from "../../errors.ts";
import { errorMessage, isRequest, MessageLines, type RpcId, type RpcMessage, type RpcRequest } from "../message-lines.ts";
import { BOUNDS } from "./bounds.ts";
import type { EndpointOptions } from "./endpoint.ts";
import { Webhooks } from "./events/webhooks.ts";
import { type Exchange, exchanges } from "./exchange.ts";
import { Hints } from "./hints.ts";
import { rpcError } from "./rpc-error.ts";
import { type McpParts, mcpServer, type ServerOf } from "./server.ts";
import { UnderWay } from "./under-way.ts";
import { isListen, watchedBy } from "./watched.ts";
import { broadcastsOn, readerOf, Watching } from "./watching.ts";

export interface StdioOptions extends Omit<EndpointOptions, "opened"> {
  readonly input: Readable;
  readonly output: Writable;
}

/** How long answers that are due have to go out when the app stops. */
const LEAVING_MS = 1_000;

/** MCP with whoever started this process: one connection, of either era, over two streams. */
export class McpStdio {
  /** Resolves when the other side has nothing more to say. */
  readonly ended: Promise<void>;
  readonly #parts: McpParts;
  readonly #serverOf: ServerOf;
  readonly #lines: MessageLines;
  readonly #hints: Hints;
  readonly #watching: Watching;
  /** What each `subscriptions/listen` names. */
  readonly #listens = new Map<RpcId, readonly string[]>();
  readonly #exchange: Exchange;
  readonly #handle: StdioServerHandle;
  #untold = (): void => {};

  constructor({ app, toolPerWorkflow, allowLoopback, stopping, serverOf = mcpServer, input, output }: StdioOptions) {
    const webhooks = new Webhooks({ app, stopping, allowLoopback });
    this.#parts = { app, toolPerWorkflow, stopping, underWay: new UnderWay(), streams: new Places(BOUNDS), webhooks };
    this.#serverOf = serverOf;
    this.#lines = new MessageLines(input, output);
    this.#hints = new Hints(app, toolPerWorkflow);
    this.#watching = new Watching(app, this.#hints);
    this.#exchange = { flow: this.#lines, listensTo: [] };
    const transport: Transport = {
      start: async () => {},
      send: async (message) => this.#lines.send(message),
      close: async () => {
        this.#lines.close();
        transport.onclose?.();
      },
    };
    this.#handle = serveStdio(({ era }) => this.#server(era === "legacy"), {
      transport,
      // What a client did wrong it is told; here it would fill the log.
      onerror: (error) => app.logger.debug({ error }, "an MCP message was refused"),
    });
    const deliver = (message: RpcMessage): void => transport.onmessage?.(message as JSONRPCMessage);
    this.ended = this.#lines.read((message) => this.#within(() => this.#take(message, deliver)));
  }

  /** Ends the connection, once those who wait have been told. */
  async close(): Promise<void> {
    await this.#parts.webhooks.close();
    await this.#parts.underWay.settled(LEAVING_MS);
    // What they were told is written in this turn.
    await new Promise((resolve) => setImmediate(resolve));
    this.#untold();
    await this.#handle.close();
  }

  /** The one of the connection; a client that tries the newer era first, and then the older, gets one of each. */
  #server(isLegacy: boolean): McpServer {
    const server = this.#serverOf(this.#parts);
    const reader = readerOf(server, this.#parts.app, this.#lines);
    this.#untold();
    if (isLegacy) this.#watching.handle(server);
    this.#untold = this.#watching.tell(isLegacy ? { ...reader, broadcast: broadcastsOn(server) } : reader);
    return server;
  }

  #within(call: () => void): void {
    const { app } = this.#parts;
    app.within(app.access.localContext("mcp"), () => exchanges.run(this.#exchange, call));
  }

  #take(message: RpcMessage, deliver: (message: RpcMessage) => void): void {
    const { app } = this.#parts;
    if (message.method === "notifications/cancelled") this.#unlisten(message.params?.["requestId"] as RpcId);
    if (isRequest(message)) {
      try {
        if (app.isStopping) throw new NexusError("SERVER_STOPPING", { retryAfterMs: 1_000 });
        this.#listen(message);
      } catch (error) {
        const { code, message: words, data } = error instanceof ProtocolError ? error : rpcError(error, app);
        return this.#lines.send(errorMessage(message.id, code, words, data));
      }
    }
    deliver(message);
  }

  /** The SDK passes on what is sent of a resource that a `subscriptions/listen` names; that it is sent is up to us. */
  #listen(message: RpcRequest): void {
    if (!isListen(message)) return;
    const uris = watchedBy(message);
    this.#watching.watch(uris);
    this.#listens.set(message.id, uris);
  }

  #unlisten(id: RpcId): void {
    const over = this.#listens.get(id);
    if (over === undefined) return;
    this.#listens.delete(id);
    const left = new Set([...this.#listens.values()].flat());
    for (const uri of over) if (!left.has(uri)) this.#watching.unwatch(uri);
  }
}
