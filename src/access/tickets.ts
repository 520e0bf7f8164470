import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { NexusError } from "../errors.ts";
import type { Caller, Principal } from "../events/principal.ts";
import type { State } from "../log/state.ts";
import type { Clock } from "../observability/clock.ts";
import type { Keys } from "./keys.ts";

const SECRET = "tickets/secret";
/** How long a ticket is good. */
export const TICKET_MS: number = 10 * 60_000;

/** What a ticket says: the principal, its key if it came with one, and until when. */
interface Told extends Principal {
  readonly keyId?: string;
  readonly until: number;
}

/** Tickets for streams of a browser, which can send no header: signed, so that nothing is kept of them. */
export class Tickets {
  readonly #secret: Buffer;
  readonly #clock: Clock;
  readonly #keys: Keys;

  private constructor(secret: Buffer, clock: Clock, keys: Keys) {
    this.#secret = secret;
    this.#clock = clock;
    this.#keys = keys;
  }

  /** The secret is the app's for good: a ticket outlives a restart. */
  static async open({ state, clock }: { readonly state: State; readonly clock: Clock }, keys: Keys): Promise<Tickets> {
    const found = await state.get(SECRET);
    if (found !== undefined) return new Tickets(Buffer.from(found.value as string, "base64url"), clock, keys);
    const secret = randomBytes(32);
    try {
      await state.put(SECRET, secret.toString("base64url"), { revision: 0 });
      return new Tickets(secret, clock, keys);
    } catch (error) {
      if (!NexusError.is(error, "STATE_CONFLICT")) throw error;
      return await Tickets.open({ state, clock }, keys);
    }
  }

  /** It ends no later than what it was given for. */
  make({ userId, scopes, keyId, until: credentialUntil }: Caller): { readonly ticket: string; readonly expiresAt: number } {
    const until = Math.min(this.#clock.now() + TICKET_MS, credentialUntil ?? Number.POSITIVE_INFINITY);
    const told: Told = { userId, scopes, until, ...(keyId !== undefined && { keyId }) };
    const text = Buffer.from(JSON.stringify(told)).toString("base64url");
    return { ticket: `${text}.${this.#signed(text)}`, expiresAt: until };
  }

  /** Whose ticket it is; `undefined` for what is none, and for one whose time, or whose key, is over. */
  callerOf(ticket: string): Caller | undefined {
    const [text = "", signature = ""] = ticket.split(".", 2);
    const own = Buffer.from(this.#signed(text));
    const given = Buffer.from(signature);
    if (own.length !== given.length || !timingSafeEqual(own, given)) return undefined;
    const { userId, scopes, keyId, until } = JSON.parse(Buffer.from(text, "base64url").toString()) as Told;
    const over = (): boolean => this.#clock.now() >= until;
    if (over()) return undefined;
    if (keyId === undefined) return { userId, scopes, lapsed: over };
    const caller = this.#keys.callerById(keyId, { userId, scopes });
    return caller && { ...caller, lapsed: () => over() || caller.lapsed?.() === true };
  }

  #signed(text: string): string {
    return createHmac("sha256", this.#secret).update(text).digest("base64url");
  }
}
