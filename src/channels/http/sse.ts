import type { ServerResponse } from "node:http";
import { NexusError, type Problem } from "../../errors.ts";
import type { Filter } from "../../events/filter.ts";
import type { Encoder } from "../../log/batch.ts";
import type { Feed } from "../../log/feed.ts";
import type { Log } from "../../log/log.ts";
import type { Counters } from "../../observability/counters.ts";
import type { Logger } from "../../observability/logger.ts";
import { loggedProblem } from "../../operations/logged-problem.ts";
import { type Outlet, Push } from "./push.ts";
import { type Resume, resumeAt } from "./resume.ts";

const RETRY_MS = 2000;
/** With one more page this is about 256 KiB. */
const ROOM_BYTES = 160 * 1024;
/** How long a stuck reader has to take what it was sent before it was let go. */
const LEAVING_MS = 2_000;

export const SSE_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
};

/** One frame. The data is JSON, in which line breaks are always escaped: it is one line. */
function frame(lines: readonly string[], data: object): string {
  return `${[...lines, `data: ${JSON.stringify(data)}`].join("\n")}\n\n`;
}

const encoder: Encoder = {
  key: "sse",
  encode: (events) => Buffer.from(events.map(({ cursor, json }) => `id: ${cursor}\ndata: ${json}\n\n`).join("")),
};

export interface SseRequest {
  readonly filter: Filter;
  readonly requested: string | undefined;
  readonly onLoss: "earliest" | undefined;
}

/** A stream that is open; `tend` and `stop` are the site's to call. */
export interface OpenStream {
  /** Whether the credential of whoever has it is good no more; absent where that is whoever opened it. */
  readonly hasLapsed?: boolean;
  tend(): void;
  /** Ends it with a problem. */
  stop(error: NexusError): void;
}

/** What a stream needs of the server it is part of. */
export interface SseParts {
  readonly log: Log;
  readonly feed: Feed;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly now: () => number;
  /** Is given the stream; returns what to call when that is over. */
  readonly opened: (stream: OpenStream) => () => void;
}

/** Where the bytes of a stream go. */
interface Sink {
  hasRoom(): boolean;
  write(bytes: Uint8Array): void;
  /** How much the reader has taken, if that is known: whoever takes little by little is not stuck. */
  taken?(): number;
  end(): void;
  /** Whoever takes nothing does not take the end either. */
  cut(error: Error): void;
}

/** Requests whose answers are given to `streamTo`. */
const direct = new WeakSet<Request>();
/** What their answers are the head of. */
const streams = new WeakMap<Response, SseStream>();

/** Whoever says so gives the answer to `streamTo`. That takes less memory, and time, than a web-standard stream between. */
export function streamsDirectly(request: Request): void {
  direct.add(request);
}

/** Writes an answer to its connection, if it is a stream that is written so. @returns whether it is. */
export function streamTo(response: Response, outgoing: ServerResponse): boolean {
  const stream = streams.get(response);
  if (stream === undefined) return false;
  if (outgoing.destroyed) stream.gone();
  else {
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    writeTo(outgoing, stream);
  }
  return true;
}

/** Answers a request with a stream of server-sent events (wire.md). */
export async function sseResponse(parts: SseParts, request: Request, { filter, requested, onLoss }: SseRequest): Promise<Response> {
  const start = await resumeAt(parts.log, parts.feed, requested, onLoss, filter.seen?.by);
  const stream = new SseStream(parts, filter, start);
  const isDirect = direct.has(request);
  const response = new Response(isDirect ? null : webStream(stream), { headers: SSE_HEADERS });
  if (isDirect) streams.set(response, stream);
  return response;
}

function webStream(stream: SseStream): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) =>
        stream.begin({
          hasRoom: () => (controller.desiredSize ?? 0) > 0,
          write: (bytes) => controller.enqueue(bytes),
          end: () => controller.close(),
          cut: (error) => controller.error(error),
        }),
      pull: () => stream.progressed(),
      cancel: () => stream.gone(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: ROOM_BYTES }),
  );
}

function writeTo(outgoing: ServerResponse, stream: SseStream): void {
  outgoing.on("drain", () => stream.progressed());
  outgoing.once("close", () => stream.gone());
  stream.begin({
    hasRoom: () => outgoing.writableLength < ROOM_BYTES,
    write: (bytes) => void outgoing.write(bytes),
    taken: () => (outgoing.socket?.bytesWritten ?? 0) - (outgoing.socket?.writableLength ?? 0),
    end: () => void outgoing.end(),
    cut: () => void outgoing.destroy(),
  });
}

class SseStream implements OpenStream, Outlet {
  readonly encoder: Encoder = encoder;
  readonly #parts: SseParts;
  readonly #push: Push;
  readonly #resume: Resume;
  readonly #closed: () => void;
  #sink: Sink | undefined;
  /** What it was ended with before it had begun. */
  #ended: string | undefined;
  #taken = 0;

  /** @throws OVERLOADED · SERVER_STOPPING */
  constructor(parts: SseParts, filter: Filter, { position, resume }: Awaited<ReturnType<typeof resumeAt>>) {
    this.#parts = parts;
    this.#resume = resume;
    this.#push = new Push(parts.feed, filter, this, { position, cursor: resume.from }, parts.now);
    this.#closed = parts.opened(this);
  }

  begin(sink: Sink): void {
    this.#sink = sink;
    if (this.#ended !== undefined) {
      this.#write(this.#ended);
      return sink.end();
    }
    this.#write(`retry: ${RETRY_MS}\n${frame([`id: ${this.#resume.from}`, "event: resume"], this.#resume)}`);
    this.#push.pump();
  }

  /** Its reader took something. */
  progressed(): void {
    this.#push.progressed();
  }

  /** Its reader is not there any more. */
  gone(): void {
    this.#push.stop();
    this.#closed();
  }

  tend(): void {
    const taken = this.#sink?.taken?.() ?? 0;
    if (taken !== this.#taken) this.#push.progressed();
    this.#taken = taken;
    this.#push.tend();
  }

  stop(error: NexusError): void {
    this.#push.fail(error);
  }

  hasRoom(): boolean {
    return this.#sink?.hasRoom() === true;
  }

  write(frames: Uint8Array): void {
    this.#sink?.write(frames);
  }

  checkpoint(cursor: string, hasMore: boolean): void {
    this.#write(frame([`id: ${cursor}`, "event: checkpoint"], { cursor, hasMore }));
  }

  fail(error: unknown, cursor: string): void {
    const { counters, logger } = this.#parts;
    const problem: Problem = { ...loggedProblem(error, { counters, logger }), cursor };
    const retry = typeof problem["retryAfterMs"] === "number" ? [`retry: ${problem["retryAfterMs"]}`] : [];
    this.#ended = frame([...retry, `id: ${cursor}`, "event: problem"], problem);
    this.#write(this.#ended);
    this.#sink?.end();
    this.#closed();
    if (!NexusError.is(error, "SLOW_READER")) return;
    counters.add("slow_readers");
    setTimeout(() => this.#sink?.cut(error), LEAVING_MS).unref();
  }

  #write(frames: string): void {
    this.#sink?.write(Buffer.from(frames));
  }
}
