import { errorOf, NexusError } from "../errors.ts";
import type { Cursor, NexusEvent } from "../events/event.ts";
import { type Connection, notNexus, type Query, send, unreachable } from "./call.ts";
import { delay, reconnectDelay } from "./delay.ts";
import type { Resume } from "./loss.ts";
import { isCheckpoint, isEvent, isProblem, isResume, notSaidSo, objectIn, retryAfterOf } from "./said.ts";
import { type SseFrame, sseFrames } from "./sse.ts";

/** What a followed stream tells, in order. */
export type Followed = Told | Lost;

/** `cursor`: go on after it, and nothing that was told comes again. */
export type Told =
  /** Connected, `again` after a loss. `recovered: false`: what lies between the place asked for and `from` is missing, for the reason given. */
  | ({ readonly kind: "resume"; readonly cursor: Cursor; readonly again: boolean } & Resume)
  | { readonly kind: "event"; readonly cursor: Cursor; readonly event: NexusEvent }
  /** All matches up to `cursor` have been told; without `hasMore`, history is done. */
  | { readonly kind: "checkpoint"; readonly cursor: Cursor; readonly hasMore: boolean };

/** The connection is lost, or could not be made again; tried again after `delayMs`. */
export interface Lost {
  readonly kind: "lost";
  readonly error: NexusError;
  readonly delayMs: number;
}

export interface FollowOptions {
  /** Default: the server's, "latest". */
  readonly after?: Cursor | undefined;
  /** Ends the loop quietly. */
  readonly signal?: AbortSignal | undefined;
  /** The server is known to be there: a first connection that fails is tried again like any other. */
  readonly known?: boolean;
  /** In [0, 1); injected so that a test can fix it. */
  readonly random?: () => number;
  /** How long a connection may be silent before it is held for lost. The server says something every 15 s. */
  readonly silenceMs?: number;
}

const RETRY_MS = 1_000;

/**
 * Follows the events that a filter picks, across lost connections and restarts of the server: each one once and in order.
 *
 * @throws what the server refuses for good; SERVER_UNREACHABLE only when the first connection fails and the server is not `known`.
 */
export async function* follow(connection: Connection, query: Query, options: FollowOptions = {}): AsyncGenerator<Followed, void> {
  const { signal, random = Math.random, silenceMs = 45_000 } = options;
  let after = options.after;
  let connected = false;
  let failures = 0;
  let retryMs = RETRY_MS;
  const ended = (): boolean => signal?.aborted === true;
  while (!ended()) {
    let lost: NexusError = unreachable(connection);
    let delayMs: number | undefined;
    let final = false;
    try {
      for await (const frame of framesOf(connection, { ...query, after }, signal, silenceMs)) {
        if (frame.retryMs !== undefined) retryMs = frame.retryMs;
        if (frame.event === "problem") {
          const problem = objectIn(frame.data);
          if (!isProblem(problem)) throw notSaidSo();
          lost = errorOf(problem);
          // The server's word counts, also for a code that this side's table does not have.
          final = !problem.retryable;
          delayMs = frame.retryMs;
          break;
        }
        const told = read(frame, connected);
        if (told === undefined) continue;
        if (told.kind === "resume") {
          connected = true;
          failures = 0;
        }
        after = told.cursor;
        yield told;
      }
    } catch (error) {
      if (ended()) return;
      if (!NexusError.is(error) || !error.retryable || (!connected && options.known !== true)) throw error;
      lost = error;
      delayMs = retryAfterOf(error);
    }
    if (final) throw lost;
    delayMs ??= reconnectDelay(failures, retryMs, random);
    failures++;
    yield { kind: "lost", error: lost, delayMs };
    await delay(delayMs, signal);
  }
}

/** The frames of one connection, which is closed when the loop is left. @throws SERVER_UNREACHABLE when it breaks or falls silent. */
async function* framesOf(
  connection: Connection,
  query: Query,
  signal: AbortSignal | undefined,
  silenceMs: number,
): AsyncGenerator<SseFrame, void> {
  const closing = new AbortController();
  const until = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
  try {
    const response = await send(connection, "GET", "events/stream", "text/event-stream", { query, signal: until });
    if (response.body === null || !(response.headers.get("content-type") ?? "").startsWith("text/event-stream"))
      throw notNexus(connection, response);
    yield* sseFrames(chunksOf(connection, response.body, silenceMs));
  } finally {
    closing.abort();
  }
}

async function* chunksOf(connection: Connection, body: ReadableStream<Uint8Array>, silenceMs: number): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  try {
    for (;;) {
      // Only while something is awaited: a caller that takes its time is not a silent server.
      const timer = setTimeout(() => void reader.cancel().catch(() => {}), silenceMs);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw unreachable(connection, error);
  }
}

/** Frames of names not known here are left out. @throws PROTOCOL_INVALID for one that does not hold what its name says. */
function read(frame: SseFrame, again: boolean): Told | undefined {
  if (!["resume", "message", "checkpoint"].includes(frame.event)) return undefined;
  const said = objectIn(frame.data);
  if (frame.event === "resume" && isResume(said)) return { ...said, kind: "resume", again, cursor: said.from };
  if (frame.event === "message" && isEvent(said)) return { kind: "event", event: said, cursor: frame.id ?? said.cursor };
  if (frame.event === "checkpoint" && isCheckpoint(said)) return { kind: "checkpoint", cursor: said.cursor, hasMore: said.hasMore };
  throw notSaidSo();
}
