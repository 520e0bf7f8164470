import { delay, reconnectDelay } from "../../../client/delay.ts";
import type { RpcMessage, RpcRequest } from "../../message-lines.ts";
import type { FarSide } from "./far-side.ts";

type Headers = Readonly<Record<string, string>>;

const RETRY_MS = 1_000;
/** How long a server may take to hear that the connection is over. */
const LEAVING_MS = 500;
const NOT_FOUND = 404;
const METHOD_NOT_ALLOWED = 405;
const INITIALIZED: RpcMessage = { jsonrpc: "2.0", method: "notifications/initialized" };

/**
 * A connection of 2025-11-25, which a client makes once. A server that is started again knows nothing of it: then it is made again in
 * the client's own words, and the client sees nothing of that.
 */
export class Connection {
  readonly #far: FarSide;
  readonly #pass: (message: RpcMessage) => Promise<void>;
  readonly #closing: AbortSignal;
  /** As the client sent it. */
  #initialize: RpcRequest | undefined;
  #id: string | undefined;
  #version: string | undefined;
  /** What the client asked for once and for all, by what it is about. */
  readonly #standing = new Map<string, RpcRequest>();
  #renewing: Promise<void> | undefined;
  #isListening = false;

  /** @param pass takes what the server says of itself. */
  constructor(far: FarSide, pass: (message: RpcMessage) => Promise<void>, closing: AbortSignal) {
    this.#far = far;
    this.#pass = pass;
    this.#closing = closing;
  }

  /** Sends a message over it. @throws SERVER_UNREACHABLE, and what the server refuses a new connection with. */
  async post(message: RpcMessage, signal: AbortSignal): Promise<Response> {
    if (message.method !== "initialize") return await this.#request((headers) => this.#far.post(message, headers, signal));
    const response = await this.#far.post(message, {}, signal);
    this.#initialize = message as RpcRequest;
    this.#id = idOf(response);
    return response;
  }

  /** To be told of each answer: what is asked for once is asked again on a new connection. */
  answered(request: RpcRequest, { result }: RpcMessage): void {
    if (result === undefined) return;
    const { method, params } = request;
    if (method === "initialize") this.#version = String(result["protocolVersion"]);
    if (method === "logging/setLevel") this.#standing.set(method, request);
    if (method === "resources/subscribe") this.#standing.set(String(params?.["uri"]), request);
    if (method === "resources/unsubscribe") this.#standing.delete(String(params?.["uri"]));
  }

  /** Passes on what the server says of itself, over lost connections and restarts of the server. */
  async listen(): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true;
    let isBack = false;
    for (let failures = 0; !this.#closing.aborted; failures++) {
      try {
        const response = await this.#request((headers) => this.#far.listen(headers, this.#closing));
        if (response.status === METHOD_NOT_ALLOWED) return await response.body?.cancel();
        if (response.ok) {
          failures = 0;
          await this.#mayHaveChanged(isBack);
          isBack = true;
        }
        for await (const message of this.#far.messages(response, this.#closing)) if (response.ok) await this.#pass(message);
      } catch {
        // Whatever it was: it is tried again, and each request tells by itself whether the server is there.
      }
      await delay(reconnectDelay(failures, RETRY_MS, Math.random), this.#closing);
    }
  }

  /** Lets the server forget it. */
  async end(): Promise<void> {
    // Of a server that is not there nothing is wanted any more.
    if (this.#id !== undefined) await this.#far.end(this.#headers, AbortSignal.timeout(LEAVING_MS)).catch(() => {});
  }

  get #headers(): Headers {
    return {
      ...(this.#id !== undefined && { "mcp-session-id": this.#id }),
      ...(this.#version !== undefined && { "mcp-protocol-version": this.#version }),
    };
  }

  /** Asks on it; once more on a new one, when the server has forgotten it. */
  async #request(ask: (headers: Headers) => Promise<Response>): Promise<Response> {
    const id = this.#id;
    const response = await ask(this.#headers);
    if (response.status !== NOT_FOUND || id === undefined) return response;
    await response.body?.cancel();
    // Not when another request has seen it before.
    if (this.#id === id) {
      this.#renewing ??= this.#renew().finally(() => {
        this.#renewing = undefined;
      });
      await this.#renewing;
    }
    return await ask(this.#headers);
  }

  async #renew(): Promise<void> {
    const initialize = this.#initialize as RpcRequest;
    const response = await this.#far.post(initialize, {}, this.#closing);
    for await (const message of this.#far.messages(response, this.#closing)) this.answered(initialize, message);
    this.#id = idOf(response);
    for (const message of [INITIALIZED, ...this.#standing.values()]) {
      const taken = await this.#far.post(message, this.#headers, this.#closing);
      for await (const _answer of this.#far.messages(taken, this.#closing));
    }
  }

  /** What was said while nobody listened is lost. @param all not only what is watched. */
  async #mayHaveChanged(all: boolean): Promise<void> {
    const tell = (method: string, params?: RpcMessage["params"]): Promise<void> =>
      this.#pass({ jsonrpc: "2.0", method: `notifications/${method}`, ...(params !== undefined && { params }) });
    if (all) await tell("tools/list_changed");
    if (all) await tell("resources/list_changed");
    for (const { method, params } of this.#standing.values())
      if (method === "resources/subscribe") await tell("resources/updated", { uri: params?.["uri"] });
  }
}

function idOf(response: Response): string | undefined {
  return response.headers.get("mcp-session-id") ?? undefined;
}
