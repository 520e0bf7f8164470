import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import { ProtocolError } from "@modelcontextprotocol/server";
import Type, { type TObject } from "typebox";
import { targetOf } from "../../../access/targets.ts";
import type { App } from "../../../app.ts";
import { PostedSubscription, type Terms } from "../../../delivery/posted-subscription.ts";
import { canonicalJson } from "../../../events/json.ts";
import type { Caller } from "../../../events/principal.ts";
import { background } from "../../../observability/clock.ts";
import { checkInput } from "../../../operations/input.ts";
import { Callback } from "./callback.ts";
import { CODES } from "./codes.ts";
import { begin, SUBSCRIPTION, type Subscription } from "./subscription.ts";
import { filterOf } from "./types.ts";

const LEAST_MS = 60_000;
const USUAL_MS = 3_600_000;
const MOST_MS = 24 * 3_600_000;
const MOST = 10_000;
const MOST_OF_ONE = 100;

const URL_TEXT = Type.String({ maxLength: 2_048 });
const { name, arguments: given } = SUBSCRIPTION;
const UNSUBSCRIBE: TObject = Type.Object({ name, arguments: given, delivery: Type.Object({ url: URL_TEXT }) });
const SUBSCRIBE: TObject = Type.Object({
  ...SUBSCRIPTION,
  delivery: Type.Object({ mode: Type.Optional(Type.String()), url: URL_TEXT, secret: Type.String() }),
  ttlMs: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
});

type Params = Readonly<Record<string, unknown>>;
interface Wanted extends Subscription {
  readonly delivery: { readonly mode?: string; readonly url: string; readonly secret: string };
  readonly ttlMs?: number | null;
}

interface Webhook {
  readonly owner: string;
  readonly url: string;
  readonly callback: Callback;
  readonly subscription: PostedSubscription;
}

export interface WebhookParts {
  readonly app: App;
  /** Aborts with SERVER_STOPPING. */
  readonly stopping: AbortSignal;
  readonly allowLoopback: boolean;
}

/** The webhooks of callers, who keep the places: what is here is gone with the process. */
export class Webhooks {
  readonly #parts: WebhookParts;
  /** Calls outside of any request: what goes on by itself holds none. */
  readonly #outside = AsyncLocalStorage.snapshot();
  readonly #all = new Map<string, Webhook>();
  /** Endpoints that are being asked, by whose and where. */
  readonly #asked = new Map<string, { readonly owner: string; readonly answer: Promise<void> }>();

  constructor(parts: WebhookParts) {
    this.#parts = parts;
  }

  /** `events/subscribe`: begins a subscription, or renews it. */
  async subscribe(params: Params): Promise<Record<string, unknown>> {
    const caller = this.#caller();
    const owner = caller.userId;
    checkInput(SUBSCRIBE, params);
    const wanted = params as unknown as Wanted;
    const { app, stopping, allowLoopback } = this.#parts;
    const { mode = "webhook", secret } = wanted.delivery;
    if (mode !== "webhook") throw new ProtocolError(CODES.unsupported, "This is for webhooks.", { feature: "deliveryMode", value: mode });
    const filter = app.access.seen(filterOf(app, wanted.name, wanted.arguments ?? {}));
    const target = targetOf(wanted.delivery.url, { allowLoopback });
    const id = idOf(owner, wanted);
    const terms = (): Terms => ({
      filter,
      expiresAt: Math.min(app.clock.now() + grantedMs(wanted.ttlMs), caller.until ?? Number.POSITIVE_INFINITY),
      lapsed: () => caller.lapsed?.() === true,
    });
    const live = this.#live(id);
    if (live !== undefined) return await this.#renewed(live, secret, terms());
    this.#checkRoom(owner);
    const { position, truncated } = await begin(app, wanted);
    const url = target.url.href;
    const callback = new Callback(id, wanted.name, target, secret);
    await this.#ask(owner, url, callback);
    const { log, feed } = await app.source();
    stopping.throwIfAborted();
    // From here on without a wait: another call may have been as fast.
    const other = this.#live(id);
    if (other !== undefined) return await this.#renewed(other, secret, terms());
    this.#checkRoom(owner);
    const parts = { log, feed, clock: background(app.clock), logger: app.logger, counters: app.counters };
    const granted = terms();
    const subscription = this.#outside(() => new PostedSubscription(parts, callback, granted, position));
    this.#add(id, { owner, url, callback, subscription });
    return await this.#answer(id, subscription, granted, truncated);
  }

  /** `events/unsubscribe`: ends a subscription of the caller's: nothing more is posted. */
  unsubscribe(params: Params): Record<string, never> {
    const owner = this.#caller().userId;
    checkInput(UNSUBSCRIBE, params);
    const subscription = this.#live(idOf(owner, params as unknown as Wanted))?.subscription;
    if (subscription === undefined)
      throw new ProtocolError(CODES.notFound, "There is no such subscription of yours.", { kind: "subscription" });
    subscription.end();
    return {};
  }

  /** Ends all of them. Resolves when nothing is under way. */
  async close(): Promise<void> {
    const all = [...this.#all.values()].map(({ subscription }) => subscription);
    for (const subscription of all) subscription.end();
    await Promise.all(all.map(({ ended }) => ended));
  }

  /** @throws -32012 */
  #caller(): Caller {
    const { caller } = this.#parts.app.access;
    if (caller === undefined) throw new ProtocolError(CODES.forbidden, "Webhooks are for callers who have signed in; here nobody can.");
    return caller;
  }

  #live(id: string): Webhook | undefined {
    const webhook = this.#all.get(id);
    return webhook?.subscription.isOver === false ? webhook : undefined;
  }

  /** @throws -32013 */
  #checkRoom(owner: string): void {
    const all = [...this.#all.values(), ...this.#asked.values()];
    const max = all.length >= MOST ? MOST : MOST_OF_ONE;
    if (all.length < MOST && all.filter((each) => each.owner === owner).length < MOST_OF_ONE) return;
    throw new ProtocolError(CODES.exhausted, `There are ${max} subscriptions, and no more can be.`, { limit: "subscriptions", max });
  }

  /** Asks an endpoint, unless it has told this caller already. @throws -32015 */
  async #ask(owner: string, url: string, callback: Callback): Promise<void> {
    const { app, stopping } = this.#parts;
    if ([...this.#all.values()].some((each) => each.owner === owner && each.url === url && !each.subscription.isOver)) return;
    const key = JSON.stringify([owner, url]);
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      asked = { owner, answer: callback.verify(background(app.clock), stopping).finally(() => this.#asked.delete(key)) };
      this.#asked.set(key, asked);
    }
    await asked.answer;
  }

  #add(id: string, webhook: Webhook): void {
    this.#all.get(id)?.subscription.end();
    this.#all.set(id, webhook);
    void webhook.subscription.ended.then(() => {
      if (this.#all.get(id) === webhook) this.#all.delete(id);
    });
  }

  /** What the client says of its place changes nothing: it is here, or behind. */
  async #renewed({ callback, subscription }: Webhook, secret: string, terms: Terms): Promise<Record<string, unknown>> {
    callback.replaceSecret(secret);
    subscription.renew(terms);
    const { lastDeliveryAt, failing } = subscription.status;
    const deliveryStatus = {
      active: true,
      lastDeliveryAt: timeOf(lastDeliveryAt),
      lastError: failing?.what ?? null,
      ...(failing !== undefined && { failedSince: timeOf(failing.since) }),
    };
    return { ...(await this.#answer(callback.id, subscription, terms, subscription.takeLoss())), deliveryStatus };
  }

  async #answer(id: string, { position }: PostedSubscription, { expiresAt }: Terms, truncated: boolean): Promise<Record<string, unknown>> {
    const { app } = this.#parts;
    const { feed } = await app.source();
    return { id, refreshBefore: timeOf(expiresAt), cursor: await feed.cursorAt(position, app.access.sight), truncated };
  }
}

/** How long a subscription lives unless it is renewed. */
function grantedMs(suggested: number | null | undefined): number {
  return Math.min(Math.max(suggested === undefined ? USUAL_MS : (suggested ?? MOST_MS), LEAST_MS), MOST_MS);
}

/** The same for the same caller, URL, name and arguments, also after a restart; it allows nothing. */
function idOf(owner: string, { name, arguments: given = {}, delivery: { url } }: Wanted): string {
  const key = canonicalJson([owner, URL.canParse(url) ? new URL(url).href : url, name, given]);
  return `sub_${createHash("sha256").update(key).digest("base64url")}`;
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
