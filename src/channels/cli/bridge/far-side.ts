import { type Connection, errorIn, notNexus, rootOf, unreachable } from "../../../client/call.ts";
import { sseFrames } from "../../../client/sse.ts";
import { NexusError } from "../../../errors.ts";
import { isMessage, type RpcMessage } from "../../message-lines.ts";
import { say } from "../output.ts";

type Headers = Readonly<Record<string, string>>;

const ACCEPTED = 202;
const ACCEPT = { post: "application/json, text/event-stream", stream: "text/event-stream" };

/** The `/mcp` of a server, as HTTP has it. */
export class FarSide {
  readonly #connection: Connection;
  #isAway = false;

  /** @param url of the server's root. @param credentials go with every request. */
  constructor(url: string, credentials: Headers) {
    this.#connection = { url: rootOf(url), headers: () => credentials, fetch };
  }

  /** Sends a message. @returns the answer, unread, whatever it is. @throws SERVER_UNREACHABLE */
  post(message: RpcMessage, headers: Headers, signal: AbortSignal): Promise<Response> {
    return this.#request("POST", { accept: ACCEPT.post, "content-type": "application/json", ...headers }, signal, JSON.stringify(message));
  }

  /** Opens the stream of a connection of 2025-11-25. @throws SERVER_UNREACHABLE */
  listen(headers: Headers, signal: AbortSignal): Promise<Response> {
    return this.#request("GET", { accept: ACCEPT.stream, ...headers }, signal);
  }

  /** Ends a connection of 2025-11-25. @throws SERVER_UNREACHABLE */
  async end(headers: Headers, signal: AbortSignal): Promise<void> {
    const response = await this.#request("DELETE", headers, signal);
    await response.body?.cancel();
  }

  /**
   * The messages of an answer, as they come; none where something was only taken.
   *
   * @throws SERVER_UNREACHABLE when the connection breaks; what the server refuses the request with, where that is no message;
   * PROTOCOL_INVALID when something else answers.
   */
  async *messages(response: Response, signal: AbortSignal): AsyncGenerator<RpcMessage, void> {
    try {
      for await (const text of textsOf(response)) {
        const message = JSON.parse(text) as unknown;
        if (!isMessage(message)) throw notNexus(this.#connection, response);
        yield message;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SyntaxError) throw notNexus(this.#connection, response);
      throw NexusError.is(error) ? error : this.unreachable(error);
    }
    if (response.status === ACCEPTED) await response.body?.cancel();
    else if (!response.bodyUsed) throw await errorIn(this.#connection, response);
  }

  /** The error for a request without an answer. */
  unreachable(cause?: unknown): NexusError {
    if (!this.#isAway) say(`no answer from ${this.#connection.url.href}; whoever asks is told so, and it goes on when the server is back`);
    this.#isAway = true;
    return unreachable(this.#connection, cause);
  }

  async #request(method: string, headers: Headers, signal: AbortSignal, body?: string): Promise<Response> {
    const { url } = this.#connection;
    const credentials = await this.#connection.headers();
    let response: Response;
    try {
      response = await this.#connection.fetch(new URL("mcp", url), {
        method,
        headers: { ...credentials, ...headers },
        signal,
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      signal.throwIfAborted();
      throw this.unreachable(error);
    }
    if (this.#isAway) say(`${url.href} is back`);
    this.#isAway = false;
    return response;
  }
}

async function* textsOf(response: Response): AsyncGenerator<string, void> {
  const type = response.headers.get("content-type") ?? "";
  // A message that is refused as such is answered by one, too.
  if (type.startsWith("application/json")) yield await response.text();
  if (!response.ok || !type.startsWith("text/event-stream")) return;
  for await (const { event, data } of sseFrames(response.body ?? new ReadableStream())) if (event === "message" && data !== "") yield data;
}
