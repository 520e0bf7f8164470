import type { Nexus, NexusApi } from "./api.ts";
import { type ClientOptions, remoteApp } from "./client/remote-app.ts";
import type { OpenRegistry, Registry } from "./events/registry.ts";

export type { ConnectionNote } from "./client/connection-note.ts";
export type { ClientOptions } from "./client/remote-app.ts";
export { type ErrorCode, type ErrorDetails, NexusError } from "./errors.ts";

/** An app from afar: what `Nexus` can be asked in its own process, with the same results and the same errors. */
export interface Client<R extends Registry> extends NexusApi<R>, AsyncDisposable {}
type RegistryIn<App> = App extends Nexus<infer R extends Registry> ? R : OpenRegistry;

/**
 * For browsers and Node: `createClient<typeof app>({ url })`, with `app` from an `import type`. Streams reconnect and go on from their cursor.
 *
 * @throws OPTION_INVALID · OPTION_UNSUPPORTED
 */
export function createClient<App = unknown>(options: ClientOptions): Client<RegistryIn<App>> {
  return remoteApp(options) as unknown as Client<RegistryIn<App>>;
}
