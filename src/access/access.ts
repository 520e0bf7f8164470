import type { AsyncLocalStorage } from "node:async_hooks";
import { NexusError } from "../errors.ts";
import type { Context } from "../events/context.ts";
import type { EmitOptions } from "../events/emitter.ts";
import type { Channel } from "../events/event.ts";
import { type Filter, type Sight, seenBy } from "../events/filter.ts";
import type { Principal, Scope } from "../events/principal.ts";
import { type Authenticate, callerOf, LOCAL_USER } from "./authenticate.ts";
import { checkScope, hasScope, sightOf } from "./policy.ts";

/** Who calls an app, and what that allows. In process, and as long as there are no credentials, everything is. */
export class Access {
  readonly #contexts: AsyncLocalStorage<Context>;
  readonly #authenticate: Authenticate | undefined;

  constructor(contexts: AsyncLocalStorage<Context>, authenticate: Authenticate | undefined) {
    this.#contexts = contexts;
    this.#authenticate = authenticate;
  }

  /** Whether callers from outside must say who they are. */
  get hasCredentials(): boolean {
    return this.#authenticate !== undefined;
  }

  /**
   * What surrounds the calls that a request makes.
   *
   * @param channel as the caller describes itself: it authorises nothing.
   * @throws UNAUTHENTICATED
   */
  async contextOf(request: Request, channel: Channel): Promise<Context> {
    if (this.#authenticate === undefined) return { channel, userId: LOCAL_USER };
    const principal = await callerOf(this.#authenticate, request);
    return { channel, userId: principal.userId, principal };
  }

  /** Who makes the present call from outside. */
  get caller(): Principal | undefined {
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
}
