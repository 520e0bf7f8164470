import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { ProtocolError } from "@modelcontextprotocol/server";
import type { Target } from "../../../access/targets.ts";
import { attemptWithin } from "../../../delivery/attempt.ts";
import { type Message, POST_MS, type Postings } from "../../../delivery/posted-subscription.ts";
import { FatalError } from "../../../errors.ts";
import type { Cursor, NexusEvent } from "../../../events/event.ts";
import type { Clock } from "../../../observability/clock.ts";
import { type Poster, poster } from "../../../sinks/post.ts";
import { postFailure, statusOf } from "../../../sinks/post-failure.ts";
import { signatureHeaders, signatureKeys } from "../../../sinks/signature.ts";
import { CODES } from "./codes.ts";
import { occurrence } from "./subscription.ts";

/** With these a receiver says of one message that it will never take it. */
const FINAL = [410, 413];

/** An endpoint of a caller's own, and what is posted to it for one subscription: signed by a secret that only the two know. */
export class Callback implements Postings {
  readonly id: string;
  readonly #name: string;
  readonly #poster: Poster;
  #keys: readonly Buffer[];

  /** @param name of the event type. @throws OPTION_INVALID for the secret, without showing it. */
  constructor(id: string, name: string, target: Target, secret: string) {
    this.id = id;
    this.#name = name;
    this.#keys = signatureKeys(secret);
    this.#poster = poster(target, [secret]);
  }

  /** @throws OPTION_INVALID */
  replaceSecret(secret: string): void {
    this.#keys = signatureKeys(secret);
  }

  event(event: NexusEvent): Message {
    return { id: event.id, body: { ...occurrence(this.#name, event), cursor: event.cursor } };
  }

  loss(cursor: Cursor): Message {
    return control("gap", { cursor });
  }

  end(): Message {
    const message = "The credential of this subscription's caller is good no more.";
    return control("terminated", { error: { code: CODES.forbidden, message, data: { reason: "access revoked" } } });
  }

  async post(message: Message, signal: AbortSignal): Promise<void> {
    try {
      await this.#send(message, signal);
    } catch (error) {
      // Elsewhere a 401 or 404 is final. Here it may come of a receiver that does not know the secret, or the id, yet.
      if (error instanceof FatalError && !FINAL.includes(statusOf(error) ?? 0)) throw new Error(error.message, { cause: error });
      throw error;
    }
  }

  /** Asks the endpoint whether it wants what is to come. @throws -32015 unless it says so · the signal's reason */
  async verify(clock: Clock, signal: AbortSignal): Promise<void> {
    const challenge = randomBytes(32).toString("base64url");
    let said = "";
    const failure = await attemptWithin(POST_MS, clock, signal, async (within) => {
      said = await this.#send(control("verification", { challenge }), within);
    });
    // It may be all that is ever sent there.
    await this.close();
    if (failure === undefined && echoes(said, challenge)) return;
    const reason = failure === undefined ? "challenge_failed" : postFailure(failure.thrown);
    throw new ProtocolError(CODES.callback, "The endpoint did not confirm that it wants these events.", { reason });
  }

  close(): Promise<void> {
    return this.#poster.close();
  }

  #send({ id, body }: Message, signal: AbortSignal): Promise<string> {
    const text = JSON.stringify(body);
    // The receiver compares it with the time there is, whatever clock the app has.
    const headers = signatureHeaders(this.#keys, id, text, Date.now());
    return this.#poster.post(text, { "content-type": "application/json", "x-mcp-subscription-id": this.id, ...headers }, signal);
  }
}

function control(type: string, more: object): Message {
  return { id: `msg_${type}_${randomBytes(16).toString("hex")}`, body: { type, ...more } };
}

function echoes(said: string, challenge: string): boolean {
  let echo: unknown;
  try {
    echo = (JSON.parse(said) as { readonly challenge?: unknown } | null)?.challenge;
  } catch {
    return false;
  }
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return typeof echo === "string" && timingSafeEqual(digest(echo), digest(challenge));
}
