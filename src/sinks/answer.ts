import type { IncomingMessage } from "node:http";
import { FatalError, RetryAfter } from "../errors.ts";
import { oneLine } from "./text.ts";

/** What is read of an answer, and how long. */
const READ_BYTES = 64 * 1024;
const READ_MS = 5_000;
const SHOWN_CHARACTERS = 200;
const RETRY_AFTER_CAP_MS = 3_600_000;
/** Answers below 500 that may be another one later. */
const PASSING = [302, 303, 307, 408, 409, 425, 429];

/**
 * Resolves for an answer that says it was taken, with the beginning of its body.
 *
 * @param clean takes out what must not be told.
 * @throws FatalError for an answer that cannot get better · RetryAfter for one that says when · Error for any other. `statusOf` tells its status.
 */
export async function taken(host: string, answer: IncomingMessage, clean: (text: string) => string): Promise<string> {
  const status = answer.statusCode ?? 0;
  // Read also when nobody looks at it: only then the connection can be used again.
  const body = await beginning(answer);
  if (status >= 200 && status < 300) return body;
  const said = oneLine(clean(body), SHOWN_CHARACTERS);
  const message = `${host} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status < 500 && !PASSING.includes(status)) throw Object.assign(new FatalError(message), { status });
  const error = Object.assign(new Error(message), { status });
  const ms = retryAfterMs(answer.headers["retry-after"], Date.now());
  if (ms === undefined) throw error;
  const later = new RetryAfter(ms, { cause: error });
  later.message = `${message}; ${later.message}`;
  throw later;
}

/** The beginning of an answer's body; one that is longer, or does not come, costs its connection and nothing else. */
async function beginning(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const late = setTimeout(() => answer.destroy(), READ_MS);
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > READ_BYTES) break;
    }
  } catch {
    // The status is the answer; that its body broke off changes nothing.
  } finally {
    clearTimeout(late);
  }
  return Buffer.concat(chunks).toString("utf8", 0, READ_BYTES);
}

/**
 * How long an answer asks to wait, at most an hour.
 *
 * @param header seconds, or an HTTP date.
 * @returns milliseconds, or `undefined` when it says neither.
 * @see RFC 9110, section 10.2.3
 */
function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), RETRY_AFTER_CAP_MS);
}
