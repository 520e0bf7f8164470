import { delay } from "../../../client/delay.ts";
import { isRequest, type MessageLines, type RpcId, type RpcMessage, type RpcRequest } from "../../message-lines.ts";
import { Connection } from "./connection.ts";
import { failureMessage } from "./failure-message.ts";
import type { FarSide } from "./far-side.ts";
import { headersOf, versionOf } from "./headers.ts";

/** How long answers that are due have to come when the client has nothing more to say. */
const LEAVING_MS = 500;

/** A request that is under way. */
interface Asked {
  /** Whether it belongs to a connection of 2025-11-25. */
  readonly isOfConnection: boolean;
  readonly stop: AbortController;
  /** Resolves when the server has it, or never will. */
  readonly taken: Promise<void>;
  readonly over: Promise<void>;
}

/** Carries messages both ways between a client on two streams and the `/mcp` of a server, in either era of the protocol. */
export class Bridge {
  readonly #lines: MessageLines;
  readonly #far: FarSide;
  readonly #connection: Connection;
  readonly #asked = new Map<RpcId, Asked>();
  readonly #closing = new AbortController();

  constructor(lines: MessageLines, far: FarSide) {
    this.#lines = lines;
    this.#far = far;
    const { signal } = this.#closing;
    this.#connection = new Connection(far, (message) => this.#pass(message, signal), signal);
  }

  /** Carries until the client has nothing more to say. */
  async run(): Promise<void> {
    await this.#lines.read((message) => {
      if (isRequest(message)) this.#ask(message);
      else if (message.method === "notifications/cancelled") void this.#cancel(message);
      else void this.#tell(message);
    });
    const due = [...this.#asked.values()].map(({ over }) => over);
    await Promise.race([Promise.all(due), delay(LEAVING_MS)]);
    this.#closing.abort();
    await this.#connection.end();
  }

  #ask(request: RpcRequest): void {
    const { id } = request;
    const stop = new AbortController();
    const taken = Promise.withResolvers<void>();
    const over = this.#answer(request, AbortSignal.any([stop.signal, this.#closing.signal]), taken.resolve).finally(() => {
      taken.resolve();
      this.#asked.delete(id);
    });
    this.#asked.set(id, { isOfConnection: versionOf(request) === undefined, stop, taken: taken.promise, over });
  }

  async #answer(request: RpcRequest, signal: AbortSignal, taken: () => void): Promise<void> {
    try {
      const response = await this.#post(request, signal);
      taken();
      let isAnswered = false;
      for await (const message of this.#far.messages(response, signal)) {
        const isAnswer = message.method === undefined;
        if (isAnswer) this.#connection.answered(request, message);
        isAnswered ||= isAnswer;
        // What the server could not read it answers without an id; here it is known what it was.
        await this.#pass(isAnswer ? { ...message, id: request.id } : message, signal);
      }
      if (!isAnswered) throw this.#far.unreachable();
    } catch (error) {
      if (!signal.aborted) this.#lines.send(failureMessage(request.id, error));
    }
  }

  #post(message: RpcMessage, signal: AbortSignal): Promise<Response> {
    const version = versionOf(message);
    return version === undefined ? this.#connection.post(message, signal) : this.#far.post(message, headersOf(message, version), signal);
  }

  /** A request since 2026-07-28 is cancelled by closing its stream; one before that by saying so. */
  async #cancel(message: RpcMessage): Promise<void> {
    const asked = this.#asked.get(message.params?.["requestId"] as RpcId);
    if (asked === undefined) return;
    if (asked.isOfConnection) {
      await asked.taken;
      await this.#tell(message);
    }
    asked.stop.abort();
  }

  /** Sends what has no answer. Nobody waits to hear that it is lost. */
  async #tell(message: RpcMessage): Promise<void> {
    const { signal } = this.#closing;
    try {
      const response = await this.#post(message, signal);
      await response.body?.cancel();
    } catch {
      // The next request tells.
    }
    if (message.method === "notifications/initialized") await this.#connection.listen();
  }

  /** Resolves when there is room for more: until then the server is read no further. */
  async #pass(message: RpcMessage, signal: AbortSignal): Promise<void> {
    this.#lines.send(message);
    await this.#lines.room(signal);
  }
}
