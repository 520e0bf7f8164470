import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { NexusError } from "../errors.ts";
import type { Caller, Principal } from "../events/principal.ts";
import type { State } from "../log/state.ts";
import type { Clock } from "../observability/clock.ts";
import type { Keys } from "./keys.ts";
import { hasScope } from "./policy.ts";

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
  readonly #state: State;
  readonly #clock: Clock;
  readonly #keys: Keys;
  /** Absent until the first ticket was ever made. */
  #secret: Buffer | undefined;

  private constructor(state: State, clock: Clock, keys: Keys, secret: Buffer | undefined) {
    this.#state = state;
    this.#clock = clock;
    this.#keys = keys;
    this.#secret = secret;
  }

  /** The secret is the app's for good: a ticket outlives a restart. An app that makes none writes none. */
  static async open({ state, clock }: { readonly state: State; readonly clock: Clock }, keys: Keys): Promise<Tickets> {
    return new Tickets(state, clock, keys, await kept(state));
  }

  /** It ends no later than what it was given for. */
  async make({ userId, scopes, keyId, until: credentialUntil }: Caller): Promise<{ readonly ticket: string; readonly expiresAt: number }> {
    this.#secret ??= await made(this.#state);
    const until = Math.min(this.#clock.now() + TICKET_MS, credentialUntil ?? Number.POSITIVE_INFINITY);
    const told: Told = { userId, scopes, until, ...(keyId !== undefined && { keyId }) };
    const text = Buffer.from(JSON.stringify(told)).toString("base64url");
    return { ticket: `${text}.${signed(this.#secret, text)}`, expiresAt: until };
  }

  /** Whose ticket it is; `undefined` for what is none, and for one whose time, or whose key, is over. */
  callerOf(ticket: string): Caller | undefined {
    if (this.#secret === undefined) return undefined;
    const [, text, signature] = /^([\w-]+)\.([\w-]+)$/.exec(ticket) ?? [];
    if (text === undefined || signature === undefined) return undefined;
    const own = Buffer.from(signed(this.#secret, text));
    const given = Buffer.from(signature);
    if (own.length !== given.length || !timingSafeEqual(own, given)) return undefined;
    const { userId, scopes, keyId, until } = JSON.parse(Buffer.from(text, "base64url").toString()) as Told;
    const over = (): boolean => this.#clock.now() >= until;
    if (over()) return undefined;
    if (keyId === undefined) return { userId, scopes: following({ userId, scopes }), lapsed: over };
    const caller = this.#keys.callerById(keyId, { userId, scopes });
    return caller && { ...caller, scopes: following(caller), lapsed: () => over() || caller.lapsed?.() === true };
  }
}

/** A ticket is for following: nothing is done in the name of whoever has one. */
function following(principal: Principal): Principal["scopes"] {
  return (["events:read", "events:read:all"] as const).filter((scope) => hasScope(principal, scope));
}

async function kept(state: State): Promise<Buffer | undefined> {
  const found = await state.get(SECRET);
  return found === undefined ? undefined : Buffer.from(found.value as string, "base64url");
}

/** Of two that make one at once, that of the first counts. */
async function made(state: State): Promise<Buffer> {
  const secret = randomBytes(32);
  try {
    await state.put(SECRET, secret.toString("base64url"), { revision: 0 });
    return secret;
  } catch (error) {
    const first = NexusError.is(error, "STATE_CONFLICT") ? await kept(state) : undefined;
    if (first === undefined) throw error;
    return first;
  }
}

function signed(secret: Buffer, text: string): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}
