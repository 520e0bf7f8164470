import type { AsyncLocalStorage } from "node:async_hooks";
import { NexusError } from "../errors.ts";
import type { Context } from "../events/context.ts";
import type { EmitOptions } from "../events/emitter.ts";
import type { Channel } from "../events/event.ts";
import { type Filter, type Sight, seenBy } from "../events/filter.ts";
import { type Caller, SCOPES, type Scope } from "../events/principal.ts";
import type { Clock } from "../observability/clock.ts";
import { type Authenticate, callerOf, LOCAL_USER } from "./authenticate.ts";
import type { Denial, Denials } from "./denials.ts";
import { type JwtOptions, Tokens } from "./jwt.ts";
import type { Keys } from "./keys.ts";
import { checkScope, hasScope, sightOf } from "./policy.ts";
import { Rate } from "./rate.ts";
import type { Tickets } from "./tickets.ts";

/** How callers from outside say who they are, besides by API key. */
export interface AuthOptions {
  readonly jwt?: JwtOptions | undefined;
  readonly authenticate?: Authenticate | undefined;
}

export interface AccessParts {
  readonly clock: Clock;
  /** How often one caller may call. */
  readonly callsPerSecond: number;
}

/** What comes with a request, besides its headers. */
export interface Origin {
  /** The browser's ticket, where one is accepted. */
  readonly ticket?: string | undefined;
  /** Where it came from, where that is known. */
  readonly address?: string | undefined;
}

/** How often an address may fail to say who it is. */
const FAILURES_PER_SECOND = 50;

/** Who calls an app, and what that allows. In process, and as long as there are no credentials, everything is. */
export class Access {
  readonly #contexts: AsyncLocalStorage<Context>;
  readonly #authenticate: Authenticate | undefined;
  readonly #tokens: Tokens | undefined;
  readonly #calls: Rate;
  readonly #failures: Rate;
  #kept: { readonly keys: Keys; readonly tickets: Tickets; readonly denials: Denials } | undefined;

  constructor(contexts: AsyncLocalStorage<Context>, { authenticate, jwt }: AuthOptions, { clock, callsPerSecond }: AccessParts) {
    this.#contexts = contexts;
    this.#authenticate = authenticate;
    this.#tokens = jwt && new Tokens(jwt, clock);
    this.#calls = new Rate(clock, callsPerSecond);
    this.#failures = new Rate(clock, FAILURES_PER_SECOND);
  }

  /** What the app keeps of it in State. Until then nobody calls from outside. */
  open(kept: { readonly keys: Keys; readonly tickets: Tickets; readonly denials: Denials }): void {
    this.#kept = kept;
  }

  /** Whether callers from outside must say who they are: as soon as there is any way to. */
  get hasCredentials(): boolean {
    return this.#authenticate !== undefined || this.#takesCredentials;
  }

  /** Whether a caller can say who it is by a key or token, which may come later than its request. */
  get #takesCredentials(): boolean {
    return this.#tokens !== undefined || this.#kept?.keys.exist === true;
  }

  /**
   * What surrounds the calls that a request makes.
   *
   * @param channel as the caller describes itself: it authorises nothing.
   * @throws UNAUTHENTICATED · SIGN_IN_UNAVAILABLE · RATE_LIMITED for an address that has failed too often
   */
  async contextOf(request: Request, channel: Channel, from: Origin = {}): Promise<Context> {
    if (!this.hasCredentials) return { channel, userId: LOCAL_USER };
    return await this.#failing(from.address, () => this.#contextOf(request, channel, from));
  }

  async #contextOf(request: Request, channel: Channel, { ticket }: Origin): Promise<Context> {
    const credential = bearerOf(request);
    const byCredential = credential === undefined ? undefined : await this.#byCredential(credential);
    const caller = byCredential ?? (ticket === undefined ? undefined : this.#kept?.tickets.callerOf(ticket));
    if (caller !== undefined) return contextFor(channel, caller);
    if (this.#authenticate === undefined) throw new NexusError("UNAUTHENTICATED", {});
    return contextFor(channel, await callerOf(this.#authenticate, request));
  }

  /** The same for a connection; `undefined` for whoever has shown nothing, and may yet say over it who it is. */
  async contextNowOrLater(request: Request, channel: Channel, from: Origin): Promise<Context | undefined> {
    if (!this.#takesCredentials || bearerOf(request) !== undefined) return await this.contextOf(request, channel, from);
    return await this.#contextOf(request, channel, from).catch((error: unknown) => {
      if (NexusError.is(error, "UNAUTHENTICATED")) return undefined;
      throw error;
    });
  }

  /** What surrounds the calls of whoever shows a key or token over a connection. @throws UNAUTHENTICATED · SIGN_IN_UNAVAILABLE */
  async contextOfCredential(credential: string, channel: Channel, { address }: Origin = {}): Promise<Context> {
    if (!this.hasCredentials) return { channel, userId: LOCAL_USER };
    return await this.#failing(address, async () => {
      const caller = await this.#byCredential(credential);
      if (caller === undefined) throw new NexusError("UNAUTHENTICATED", {});
      return contextFor(channel, caller);
    });
  }

  /** Lets no address try without end: each failure counts, and is told to operators. */
  async #failing(address: string | undefined, ask: () => Promise<Context>): Promise<Context> {
    try {
      return await ask();
    } catch (error) {
      if (!NexusError.is(error, "UNAUTHENTICATED")) throw error;
      const retryAfterMs = address === undefined ? 0 : this.#failures.take(address);
      this.#denied({ code: "UNAUTHENTICATED", ...(address !== undefined && { address }) }, "");
      throw retryAfterMs > 0 ? new NexusError("RATE_LIMITED", { retryAfterMs }) : error;
    }
  }

  /** A ticket for the present caller; `undefined` where none is needed. */
  async ticket(): Promise<{ readonly ticket: string; readonly expiresAt: number } | undefined> {
    const { caller } = this;
    return caller && (await this.#kept?.tickets.make(caller));
  }

  /**
   * What surrounds a call of whoever started this process. They own its files, so they may do everything, also where there are
   * credentials: in a name that no credential can give.
   */
  localContext(channel: Channel): Context {
    return this.hasCredentials ? contextFor(channel, { userId: LOCAL_USER, scopes: SCOPES }) : { channel, userId: LOCAL_USER };
  }

  /** Whether what this caller opened is to end: its credential is good no more, or it had none, and now one is needed. */
  hasLapsed(caller: Caller | undefined): boolean {
    return caller === undefined ? this.hasCredentials : caller.lapsed?.() === true;
  }

  /** Who makes the present call from outside. */
  get caller(): Caller | undefined {
    return this.#contexts.getStore()?.principal;
  }

  /** To be asked once before anything is done for a caller from outside. @throws UNAUTHENTICATED · FORBIDDEN · RATE_LIMITED */
  check(scope: Scope): void {
    const { caller } = this;
    // No channel may get so far without having asked who calls.
    if (caller === undefined && this.hasCredentials) throw new NexusError("UNAUTHENTICATED", {});
    if (caller === undefined) return;
    const retryAfterMs = this.#calls.take(caller.userId);
    if (retryAfterMs > 0) {
      this.#denied({ code: "RATE_LIMITED" }, caller.userId);
      throw new NexusError("RATE_LIMITED", { retryAfterMs });
    }
    if (hasScope(caller, scope)) return;
    this.#denied({ code: "FORBIDDEN", scope }, caller.userId);
    throw new NexusError("FORBIDDEN", { scope });
  }

  #denied(denial: Denial, who: string): void {
    this.#kept?.denials.add(denial, who);
  }

  /** Whether the caller may ask for what needs a scope: for lists of what there is to ask. */
  allows(scope: Scope): boolean {
    const { caller } = this;
    return caller === undefined ? !this.hasCredentials : hasScope(caller, scope);
  }

  /** What the caller sees of the log; `undefined` for all of it. */
  get sight(): Sight | undefined {
    const { caller } = this;
    return caller && sightOf(caller);
  }

  /** Whether a user, who may read events, does not see an event. Nobody is kept from any as long as there are no credentials; without an owner only operators see it. */
  hides(event: Parameters<Sight["sees"]>[0], userId: string | undefined): boolean {
    return this.hasCredentials && userId !== undefined && sightOf({ userId, scopes: ["events:read"] })?.sees(event) === false;
  }

  /** The filter as the caller's rights narrow it. */
  seen(filter: Filter): Filter {
    return seenBy(filter, this.sight);
  }

  /** To be asked before something that the caller sees is changed. @throws FORBIDDEN for another's. */
  checkOwner(userId: string | undefined): void {
    const { caller } = this;
    if (caller !== undefined && caller.userId !== userId && !hasScope(caller, "admin"))
      throw new NexusError("FORBIDDEN", { scope: "admin" });
  }

  /** What a caller from outside begins is in its own name, or in that of the session it is in; whatever it says. */
  owned<Options extends { readonly userId?: string | undefined }>(options: Options): Options {
    return this.caller === undefined ? options : { ...options, userId: undefined };
  }

  /** An emission as the caller may make it: in its own name, and for everyone's eyes only with the scope for that. @throws FORBIDDEN */
  emission(options: EmitOptions, broadcast: boolean): EmitOptions {
    const { caller } = this;
    if (caller !== undefined && (broadcast || options.visibility === "public")) checkScope(caller, "events:broadcast");
    return this.owned(options);
  }

  /** By a key or a token; `undefined` for what may be a credential of the host's. @throws UNAUTHENTICATED · SIGN_IN_UNAVAILABLE */
  async #byCredential(credential: string): Promise<Caller | undefined> {
    if (credential.startsWith("nexus_")) {
      const caller = this.#kept?.keys.callerOf(credential);
      if (caller !== undefined) return caller;
      throw new NexusError("UNAUTHENTICATED", {}, { detail: "This API key is not known, or good no more." });
    }
    return this.#tokens !== undefined && isToken(credential) ? await this.#tokens.callerOf(credential) : undefined;
  }
}

function contextFor(channel: Channel, caller: Caller): Context {
  return { channel, userId: caller.userId, principal: caller };
}

function bearerOf(request: Request): string | undefined {
  return /^Bearer +([^\s]+) *$/i.exec(request.headers.get("authorization") ?? "")?.[1];
}

/** Three parts, as a signed token has. */
function isToken(credential: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(credential);
}
