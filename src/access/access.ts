import type { AsyncLocalStorage } from "node:async_hooks";
import { NexusError } from "../errors.ts";
import type { Context } from "../events/context.ts";
import type { EmitOptions } from "../events/emitter.ts";
import type { Channel } from "../events/event.ts";
import { type Filter, type Sight, seenBy } from "../events/filter.ts";
import type { Caller, Scope } from "../events/principal.ts";
import type { Clock } from "../observability/clock.ts";
import { type Authenticate, callerOf, LOCAL_USER } from "./authenticate.ts";
import { type JwtOptions, Tokens } from "./jwt.ts";
import type { Keys } from "./keys.ts";
import { checkScope, hasScope, sightOf } from "./policy.ts";
import type { Tickets } from "./tickets.ts";

/** How callers from outside say who they are, besides by API key. */
export interface AuthOptions {
  readonly jwt?: JwtOptions | undefined;
  readonly authenticate?: Authenticate | undefined;
}

/** Who calls an app, and what that allows. In process, and as long as there are no credentials, everything is. */
export class Access {
  readonly #contexts: AsyncLocalStorage<Context>;
  readonly #authenticate: Authenticate | undefined;
  readonly #tokens: Tokens | undefined;
  #kept: { readonly keys: Keys; readonly tickets: Tickets } | undefined;

  constructor(contexts: AsyncLocalStorage<Context>, { authenticate, jwt }: AuthOptions, clock: Clock) {
    this.#contexts = contexts;
    this.#authenticate = authenticate;
    this.#tokens = jwt && new Tokens(jwt, clock);
  }

  /** What the app keeps of it in State. Until then nobody calls from outside. */
  open(kept: { readonly keys: Keys; readonly tickets: Tickets }): void {
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
   * @param ticket the browser's, where one is accepted.
   * @throws UNAUTHENTICATED · SIGN_IN_UNAVAILABLE
   */
  async contextOf(request: Request, channel: Channel, ticket?: string): Promise<Context> {
    if (!this.hasCredentials) return { channel, userId: LOCAL_USER };
    const credential = bearerOf(request);
    const byCredential = credential === undefined ? undefined : await this.#byCredential(credential);
    const caller = byCredential ?? (ticket === undefined ? undefined : this.#kept?.tickets.callerOf(ticket));
    if (caller !== undefined) return contextFor(channel, caller);
    if (this.#authenticate === undefined) throw new NexusError("UNAUTHENTICATED", {});
    return contextFor(channel, await callerOf(this.#authenticate, request));
  }

  /** Whether whoever sent this request may yet say who it is, over the connection that it opens. */
  mayAuthenticateLater(request: Request): boolean {
    return this.#takesCredentials && bearerOf(request) === undefined;
  }

  /** What surrounds the calls of whoever shows a key or token over a connection. @throws UNAUTHENTICATED · SIGN_IN_UNAVAILABLE */
  async contextOfCredential(credential: string, channel: Channel): Promise<Context> {
    if (!this.hasCredentials) return { channel, userId: LOCAL_USER };
    const caller = await this.#byCredential(credential);
    if (caller === undefined) throw new NexusError("UNAUTHENTICATED", {});
    return contextFor(channel, caller);
  }

  /** A ticket for the present caller; `undefined` where none is needed. */
  ticket(): { readonly ticket: string; readonly expiresAt: number } | undefined {
    const { caller } = this;
    return caller && this.#kept?.tickets.make(caller);
  }

  /** Who makes the present call from outside. */
  get caller(): Caller | undefined {
    return this.#contexts.getStore()?.principal;
  }

  /** To be asked before anything is done for a caller from outside. @throws UNAUTHENTICATED · FORBIDDEN */
  check(scope: Scope): void {
    const { caller } = this;
    // No channel may get so far without having asked who calls.
    if (caller === undefined && this.hasCredentials) throw new NexusError("UNAUTHENTICATED", {});
    if (caller !== undefined) checkScope(caller, scope);
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
