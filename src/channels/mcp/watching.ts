import { INVALID_PARAMS, type McpServer, ProtocolError } from "@modelcontextprotocol/server";
import type { App } from "../../app.ts";
import type { Flow } from "./flow.ts";
import { type HintReader, type Hints, heardBy } from "./hints.ts";
import { rpcError } from "./rpc-error.ts";
import { faultOfWatched } from "./watched.ts";

/** Which resources a connection watches, and who is told of them. */
export class Watching {
  readonly #app: App;
  readonly #hints: Hints;
  readonly #uris = new Set<string>();
  #reader: HintReader | undefined;

  constructor(app: App, hints: Hints) {
    this.#app = app;
    this.#hints = hints;
  }

  /** Answers `resources/subscribe` and `resources/unsubscribe` of a connection. */
  handle({ server }: McpServer): void {
    server.setRequestHandler("resources/subscribe", ({ params: { uri } }) => {
      this.watch([uri]);
      return {};
    });
    server.setRequestHandler("resources/unsubscribe", ({ params: { uri } }) => {
      this.unwatch(uri);
      return {};
    });
  }

  /** @throws FORBIDDEN, or that these are too many, as an error of the protocol; then it watches none of them. */
  watch(uris: readonly string[]): void {
    try {
      this.#app.access.check("events:read");
    } catch (error) {
      throw rpcError(error, this.#app);
    }
    const added = uris.filter((uri) => !this.#uris.has(uri));
    const fault = faultOfWatched([...this.#uris, ...added]);
    if (fault !== undefined) throw new ProtocolError(INVALID_PARAMS, fault);
    for (const uri of added) {
      this.#uris.add(uri);
      if (this.#reader !== undefined) this.#hints.watch(this.#reader, uri);
    }
  }

  unwatch(uri: string): void {
    this.#uris.delete(uri);
    if (this.#reader !== undefined) this.#hints.unwatch(this.#reader, uri);
  }

  /** From now on this one is told. @returns what to call when it is to be told no more. */
  tell(reader: HintReader): () => void {
    this.#reader = reader;
    this.#hints.add(reader);
    for (const uri of this.#uris) this.#hints.watch(reader, uri);
    return () => {
      this.#hints.remove(reader);
      if (this.#reader === reader) this.#reader = undefined;
    };
  }
}

/** The connection of a server as a reader of hints, with the rights of the present caller. */
export function readerOf(server: McpServer, app: App, flow: Flow): HintReader {
  return {
    hears: heardBy(app),
    flow,
    toolsChanged: () => server.sendToolListChanged(),
    resourcesChanged: () => server.sendResourceListChanged(),
    resourceUpdated: (uri) => told(server.server.sendResourceUpdated({ uri })),
  };
}

/** Shows broadcasts on a connection of 2025-11-25. @param sessionId by that the SDK finds the level that its client has set. */
export function broadcastsOn(server: McpServer, sessionId?: string): NonNullable<HintReader["broadcast"]> {
  return (event) => told(server.sendLoggingMessage({ level: "notice", logger: "nexus", data: event }, sessionId));
}

/** The connection may have ended in this very turn: then nobody is there to be told. */
function told(sent: Promise<void>): void {
  sent.catch(() => {});
}
