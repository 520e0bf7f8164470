import type { Readable, Writable } from "node:stream";
import { RoomWaiters } from "./room-waiters.ts";

/** A message of JSON-RPC, as far as whoever carries it looks at it. */
export interface RpcMessage {
  readonly jsonrpc: "2.0";
  readonly id?: RpcId | null;
  readonly method?: string;
  readonly params?: { readonly [name: string]: unknown };
  readonly result?: { readonly [name: string]: unknown };
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

export type RpcId = string | number;

/** A message that is to be answered. */
export type RpcRequest = RpcMessage & { readonly id: RpcId; readonly method: string };

/** Of a larger message nothing is kept. */
const MOST_BYTES = 10 * 1024 * 1024;
/** A reader that has this much to take gets no more of what can wait. */
const ROOM_BYTES = 160 * 1024;
const LINE_FEED = 10;
const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;

/** Messages of JSON-RPC over two streams, one a line: MCP on standard input and output. */
export class MessageLines {
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #gone = new AbortController();
  readonly #waiters = new RoomWaiters();

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
    // Who reads nothing any more has nothing to ask, either.
    output.on("error", () => this.close()).on("drain", () => this.#waiters.wake());
  }

  /** Takes messages until there are no more. What is no message is answered here. */
  async read(take: (message: RpcMessage) => void): Promise<void> {
    for await (const line of linesOf(this.#input)) {
      if (line === undefined) this.send(errorMessage(null, INVALID_REQUEST, `A message has ${MOST_BYTES} bytes at most.`));
      else if (line.trim() !== "") this.#read(line, take);
    }
  }

  send(message: object): void {
    if (!this.#output.destroyed) this.#output.write(`${JSON.stringify(message)}\n`);
  }

  /** Whether the reader keeps up. */
  get hasRoom(): boolean {
    return this.#gone.signal.aborted || this.#output.writableLength < ROOM_BYTES;
  }

  /** Resolves when there is room, also for a reader that is gone. Rejects with the signal's reason. */
  async room(signal: AbortSignal): Promise<void> {
    while (!this.hasRoom) await this.#waiters.wait(signal);
  }

  /** Aborts when nobody takes anything any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Takes nothing more. */
  close(): void {
    this.#gone.abort();
    this.#waiters.wake();
    this.#input.destroy();
  }

  #read(line: string, take: (message: RpcMessage) => void): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return this.send(errorMessage(null, PARSE_ERROR, "This line is not JSON."));
    }
    if (isMessage(value)) take(value);
    else this.send(errorMessage(null, INVALID_REQUEST, "This is not a message of JSON-RPC 2.0."));
  }
}

export function errorMessage(id: RpcId | null, code: number, message: string, data?: unknown): RpcMessage {
  return { jsonrpc: "2.0", id, error: { code, message, ...(data !== undefined && { data }) } };
}

export function isRequest(message: RpcMessage): message is RpcRequest {
  return message.method !== undefined && message.id !== undefined && message.id !== null;
}

/** The lines of a stream; `undefined` as soon as one is too large. A stream that breaks ends as one that is closed. */
async function* linesOf(input: Readable): AsyncGenerator<string | undefined, void> {
  let parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      for (let start = 0; start <= chunk.length; ) {
        const feed = chunk.indexOf(LINE_FEED, start);
        const part = chunk.subarray(start, feed < 0 ? chunk.length : feed);
        const wasTooLarge = size > MOST_BYTES;
        size += part.length;
        if (size <= MOST_BYTES) parts.push(part);
        else parts = [];
        if (size > MOST_BYTES && !wasTooLarge) yield undefined;
        if (feed < 0) break;
        if (size <= MOST_BYTES) yield Buffer.concat(parts).toString();
        parts = [];
        size = 0;
        start = feed + 1;
      }
    }
  } catch {
    return;
  }
  if (size <= MOST_BYTES) yield Buffer.concat(parts).toString();
}

export function isMessage(value: unknown): value is RpcMessage {
  if (typeof value !== "object" || value === null) return false;
  const { jsonrpc, id, method, params, result, error } = value as Readonly<Record<string, unknown>>;
  if (jsonrpc !== "2.0" || !(id === undefined || id === null || typeof id === "string" || typeof id === "number")) return false;
  if (method === undefined) return id !== undefined && (isObject(result) || isObject(error));
  return typeof method === "string" && (params === undefined || isObject(params));
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
