import type { FetchHandler, Nexus as NexusInterface, NexusOptions } from "./api.ts";
import { App } from "./app.ts";
import type { Health } from "./app-health.ts";
import { isLoopback } from "./channels/http/guard.ts";
import { listen, type Server } from "./channels/http/server.ts";
import { refuse, type UpgradeHandler } from "./channels/http/upgrade.ts";
import { NexusError } from "./errors.ts";
import type { Definitions } from "./events/definitions.ts";
import type { Registry, RegistryOf } from "./events/registry.ts";
import { bareBasePath, Site } from "./serve.ts";

/** An app that can be served: its own server, or mounted in another's. */
class NexusServer extends App {
  readonly #http: NonNullable<NexusOptions["http"]>;
  readonly #site: Site;
  #server: Server | undefined;
  #starting: Promise<{ readonly url?: string }> | undefined;

  constructor(options: NexusOptions<any, any, any> = {}) {
    super(options);
    this.#http = options.http ?? {};
    this.#site = new Site(this, options);
  }

  /** What serves requests and WebSockets. */
  get site(): Site {
    return this.#site;
  }

  readonly fetch: FetchHandler = (request) => this.#site.fetch(request, "");

  handler(options: { readonly basePath?: `/${string}` } = {}): FetchHandler {
    const basePath = bareBasePath(options.basePath);
    return (request) => this.#site.fetch(request, basePath);
  }

  start(
    options: { readonly host?: string | undefined; readonly port?: number | undefined; readonly listen?: boolean | undefined } = {},
  ): Promise<{ readonly url?: string }> {
    if (this.isStopping) return Promise.reject(new NexusError("APP_STOPPED", {}));
    this.#starting ??= this.#start(options).catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  override async health(): Promise<Health> {
    return { ...(await super.health()), streams: this.#site.streams };
  }

  protected override async stopAccepting(): Promise<void> {
    await this.#server?.stopAccepting();
  }

  protected override async closeStreams(): Promise<void> {
    await this.#site.close();
    await this.#server?.close();
  }

  /** What keeps it from being reached from other machines. */
  #missingToBindWider(): string | undefined {
    if (!this.access.hasCredentials) return "credentials (an API key, auth.jwt or auth.authenticate)";
    return (this.#http.allowedHosts ?? []).length === 0 ? "http.allowedHosts" : undefined;
  }

  async #start(options: {
    readonly host?: string | undefined;
    readonly port?: number | undefined;
    readonly listen?: boolean | undefined;
  }): Promise<{ readonly url?: string }> {
    if (options.listen === false) {
      await this.begin();
      return {};
    }
    const host = options.host ?? this.#http.host ?? (process.env["NEXUS_HOST"] || "127.0.0.1");
    // API keys are kept in the log's file: whether there are any says whether others may reach it.
    if (!isLoopback(host) && !this.access.hasCredentials) await this.open();
    // The port first: when it is taken, nothing was opened, and no run was taken up.
    const upgrade: UpgradeHandler = (request, socket, head) => {
      if (!this.#site.upgrade(request, socket, head, ""))
        refuse(socket, new NexusError("NOT_FOUND", { path: (request.url ?? "").slice(0, 200) }), this);
    };
    const server = await listen(this.fetch, upgrade, {
      host,
      port: options.port ?? this.#http.port,
      missing: this.#missingToBindWider(),
      limits: this.limits,
      refusals: this,
    });
    try {
      await this.begin();
      // stop() was called meanwhile, and knew of no server to close.
      if (this.isStopping) throw new NexusError("APP_STOPPED", {});
    } catch (error) {
      await server.close();
      throw error;
    }
    this.#server = server;
    return { url: server.url };
  }
}

/** The app: a log, workflows, handlers, and the channels that lead to them. */
export const Nexus: {
  new <const E extends Definitions = {}, const W extends Definitions = {}, const Mode extends "open" | "strict" = "open">(
    options?: NexusOptions<E, W, Mode>,
  ): NexusInterface<RegistryOf<E, W, Mode>>;
} = NexusServer as never;
export type Nexus<R extends Registry = any> = NexusInterface<R>;

/** What serves an app. */
export function siteOf(app: NexusInterface): Site {
  return (app as unknown as NexusServer).site;
}
