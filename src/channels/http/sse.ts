import { NexusError, type Problem } from "../../errors.ts";
import type { Filter } from "../../events/filter.ts";
import type { Encoder } from "../../log/batch.ts";
import type { Feed } from "../../log/feed.ts";
import type { Log } from "../../log/log.ts";
import type { Counters } from "../../observability/counters.ts";
import type { Logger } from "../../observability/logger.ts";
import { loggedProblem } from "../../operations/logged-problem.ts";
import { type Outlet, Push } from "./push.ts";
import { resumeAt } from "./resume.ts";

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
  encode: (events) => Buffer.from(events.map(({ event, json }) => `id: ${event.cursor}\ndata: ${json}\n\n`).join("")),
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

/** Answers with a stream of server-sent events (wire.md). */
export async function sseResponse({ log, feed, counters, logger, now, opened }: SseParts, request: SseRequest): Promise<Response> {
  const { position, resume } = await resumeAt(log, feed, request.requested, request.onLoss, request.filter.seen?.by);
  let push: Push;
  let closed: () => void;
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const text = (frames: string): void => controller.enqueue(Buffer.from(frames));
        const outlet: Outlet = {
          encoder,
          hasRoom: () => (controller.desiredSize ?? 0) > 0,
          write: (frames) => controller.enqueue(frames),
          checkpoint: (cursor, hasMore) => text(frame([`id: ${cursor}`, "event: checkpoint"], { cursor, hasMore })),
          fail: (error, cursor) => {
            const problem: Problem = { ...loggedProblem(error, { counters, logger }), cursor };
            const retry = typeof problem["retryAfterMs"] === "number" ? [`retry: ${problem["retryAfterMs"]}`] : [];
            text(frame([...retry, `id: ${cursor}`, "event: problem"], problem));
            controller.close();
            closed();
            if (!NexusError.is(error, "SLOW_READER")) return;
            // Whoever takes nothing does not take the end either: then the connection is cut.
            counters.add("slow_readers");
            setTimeout(() => controller.error(error), LEAVING_MS).unref();
          },
        };
        closed = opened({ tend: () => push.tend(), stop: (error) => push.fail(error) });
        push = new Push(feed, request.filter, outlet, { position, cursor: resume.from }, now);
        text(`retry: ${RETRY_MS}\n${frame([`id: ${resume.from}`, "event: resume"], resume)}`);
        push.pump();
      },
      pull: () => push.progressed(),
      cancel: () => {
        push.stop();
        closed();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: ROOM_BYTES }),
  );
  return new Response(body, { headers: SSE_HEADERS });
}
