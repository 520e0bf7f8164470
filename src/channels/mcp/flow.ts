import { NexusError } from "../../errors.ts";
import { RoomWaiters } from "../room-waiters.ts";

/** A reader that has this much to take gets nothing more for now. */
const ROOM_BYTES = 160 * 1024;
/** One that took nothing for so long is let go. */
const STUCK_MS = 30_000;

/** Where a stream of messages goes: whether its reader keeps up. */
export interface Flow {
  readonly hasRoom: boolean;
  /** Aborts when nobody takes anything any more: the stream has ended, its reader is gone or was let go. */
  readonly gone: AbortSignal;
  /** Resolves when there is room. Rejects with the signal's reason. */
  room(signal: AbortSignal): Promise<void>;
}

export interface FlowParts {
  readonly now: () => number;
  /** A reader was let go. */
  readonly slow: () => void;
  /** The stream is open, and is to be looked after. @returns what to call when it is over. */
  readonly opened: (stream: { tend(): void; stop(error: NexusError): void }) => () => void;
}

/** The body of an answer, if that is a stream: what its reader has not taken is counted, as the SDK does not. */
export class BodyFlow implements Flow {
  readonly #parts: FlowParts;
  readonly #waiters = new RoomWaiters();
  readonly #gone = new AbortController();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #takenAt: number;

  constructor(parts: FlowParts) {
    this.#parts = parts;
    this.#takenAt = parts.now();
  }

  get hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? ROOM_BYTES) > 0;
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  room(signal: AbortSignal): Promise<void> {
    return this.hasRoom ? Promise.resolve() : this.#waiters.wait(signal);
  }

  /** The response with its body counted; one that is no stream stays as it is. @param ended hears once that it is over: of what is no stream, now. */
  around(response: Response, ended: () => void = () => {}): Response {
    const { body } = response;
    if (body === null || !isStream(response)) {
      ended();
      return response;
    }
    const source = body.getReader();
    const closed = this.#opened(source, ended);
    const over = (): void => {
      if (this.#gone.signal.aborted) return;
      this.#gone.abort();
      closed();
      ended();
    };
    const counted = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          void pump(source, controller, over);
        },
        pull: () => this.#taken(),
        cancel: async (reason) => {
          over();
          await source.cancel(reason);
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: ROOM_BYTES }),
    );
    return new Response(counted, { status: response.status, headers: response.headers });
  }

  #taken(): void {
    this.#takenAt = this.#parts.now();
    this.#waiters.wake();
  }

  /** @throws OVERLOADED: then the stream is not begun. */
  #opened(source: ReadableStreamDefaultReader<Uint8Array>, ended: () => void): () => void {
    try {
      return this.#parts.opened({ tend: () => this.#tend(source), stop: (error) => this.#stop(source, error) });
    } catch (error) {
      source.cancel(error).catch(() => {}); // Nobody has read of it.
      ended();
      throw error;
    }
  }

  /** A server that stops has its answers written first, and ends its streams itself. */
  #stop(source: ReadableStreamDefaultReader<Uint8Array>, error: NexusError): void {
    if (!NexusError.is(error, "SERVER_STOPPING")) this.#cut(source, error);
  }

  #tend(source: ReadableStreamDefaultReader<Uint8Array>): void {
    if (this.hasRoom) this.#takenAt = this.#parts.now();
    if (this.#parts.now() - this.#takenAt < STUCK_MS) return;
    this.#parts.slow();
    this.#cut(source, new NexusError("SLOW_READER", { retryAfterMs: 1_000 }));
  }

  #cut(source: ReadableStreamDefaultReader<Uint8Array>, error: NexusError): void {
    this.#controller?.error(error);
    // Its end is awaited by nobody: what the SDK still holds of it goes.
    source.cancel(error).catch(() => {});
  }
}

/** Whether an answer is a stream of messages. */
export function isStream({ headers }: Response): boolean {
  return (headers.get("content-type") ?? "").startsWith("text/event-stream");
}

async function pump(
  source: ReadableStreamDefaultReader<Uint8Array>,
  controller: ReadableStreamDefaultController<Uint8Array>,
  over: () => void,
): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await source.read();
      if (done) break;
      controller.enqueue(value);
    }
    controller.close();
  } catch (error) {
    controller.error(error); // Without effect when its reader is gone, or was let go.
  } finally {
    over();
  }
}
