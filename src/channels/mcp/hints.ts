import type { ServerEvent, ServerEventBus } from "@modelcontextprotocol/server";
import type { App } from "../../app.ts";
import type { NexusEvent } from "../../events/event.ts";
import { Tail } from "../../log/tail.ts";
import { background } from "../../observability/clock.ts";
import { exchanges } from "./exchange.ts";
import type { Flow } from "./flow.ts";
import { changesWorkflows, resourcesOf } from "./resources.ts";

/** Of one address one reader hears no oftener. */
const EVERY_MS = 250;

/** A connection that shows what has changed. It carries no events: whoever wants those waits for them, or subscribes. */
export interface HintReader {
  /** Whether an event is one that its caller may know of. */
  readonly hears: (event: NexusEvent) => boolean;
  readonly flow: Flow | undefined;
  toolsChanged(): void;
  resourcesChanged(): void;
  resourceUpdated(uri: string): void;
  /** Absent where such a thing cannot be shown. */
  broadcast?(event: NexusEvent): void;
}

/** What the present caller may be told of: with the scope for it, the events that it sees. */
export function heardBy({ access }: App): HintReader["hears"] {
  if (!access.allows("events:read")) return () => false;
  const { sight } = access;
  return (event) => sight === undefined || sight.sees(event);
}

/** What is known of a reader: which address it heard of when, and of which it is yet to hear. */
class Reader {
  readonly of: HintReader;
  readonly watches = new Set<string>();
  readonly heardAt = new Map<string, number>();
  readonly due = new Set<string>();

  constructor(of: HintReader) {
    this.of = of;
  }

  get hasRoom(): boolean {
    return this.of.flow?.hasRoom !== false;
  }
}

/** Follows the log for those who listen for changes, as long as there are any. */
export class Hints {
  readonly #app: App;
  readonly #toolPerWorkflow: boolean;
  readonly #readers = new Map<HintReader, Reader>();
  readonly #byUri = new Map<string, Set<Reader>>();
  #following: AbortController | undefined;
  #flushing = false;

  constructor(app: App, toolPerWorkflow: boolean) {
    this.#app = app;
    this.#toolPerWorkflow = toolPerWorkflow;
  }

  /** What `subscriptions/listen` of the SDK hears changes from: each stream is a reader, with the rights of its caller. */
  get bus(): ServerEventBus {
    return {
      publish: () => {},
      subscribe: (listener) => this.#listen(listener),
    };
  }

  add(of: HintReader): void {
    this.#readers.set(of, new Reader(of));
    if (this.#following !== undefined) return;
    this.#following = new AbortController();
    void this.#follow(this.#following.signal);
  }

  remove(of: HintReader): void {
    const reader = this.#readers.get(of);
    if (reader === undefined) return;
    this.#readers.delete(of);
    for (const uri of reader.watches) this.#forget(uri, reader);
    if (this.#readers.size > 0) return;
    this.#following?.abort();
    this.#following = undefined;
  }

  watch(of: HintReader, uri: string): void {
    const reader = this.#readers.get(of);
    if (reader === undefined) return;
    reader.watches.add(uri);
    const readers = this.#byUri.get(uri) ?? new Set();
    this.#byUri.set(uri, readers.add(reader));
  }

  unwatch(of: HintReader, uri: string): void {
    const reader = this.#readers.get(of);
    if (reader !== undefined) this.#forget(uri, reader);
  }

  #listen(listener: (event: ServerEvent) => void): () => void {
    const exchange = exchanges.getStore();
    const reader: HintReader = {
      hears: heardBy(this.#app),
      flow: exchange?.flow,
      toolsChanged: () => listener({ kind: "tools_list_changed" }),
      resourcesChanged: () => listener({ kind: "resources_list_changed" }),
      resourceUpdated: (uri) => listener({ kind: "resource_updated", uri }),
    };
    this.add(reader);
    for (const uri of exchange?.listensTo ?? []) this.watch(reader, uri);
    return () => this.remove(reader);
  }

  #forget(uri: string, reader: Reader): void {
    const readers = this.#byUri.get(uri);
    if (readers?.delete(reader) !== true) return;
    reader.watches.delete(uri);
    if (readers.size === 0) this.#byUri.delete(uri);
    reader.heardAt.delete(uri);
    reader.due.delete(uri);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    try {
      const { feed } = await this.#app.source();
      for await (const batch of new Tail(feed, feed.end, signal)) for (const { event } of batch.events) this.#happened(event);
    } catch (error) {
      if (!signal.aborted && !this.#app.isStopping) this.#app.logger.error({ error }, "changes are not told to clients of MCP any more");
    }
  }

  #happened(event: NexusEvent): void {
    for (const uri of resourcesOf(event)) {
      for (const reader of this.#byUri.get(uri) ?? []) if (reader.of.hears(event)) this.#updated(reader, uri);
    }
    if (event.broadcast === true) this.#toAll((of) => of.hears(event) && of.broadcast?.(event));
    if (!changesWorkflows(event.type)) return;
    this.#toAll((of) => of.resourcesChanged());
    if (this.#toolPerWorkflow) this.#toAll((of) => of.toolsChanged());
  }

  /** What is only worth something at once: whoever has no room for it does not get it later. */
  #toAll(tell: (of: HintReader) => void): void {
    for (const { of, hasRoom } of this.#readers.values()) if (hasRoom) tell(of);
  }

  #updated(reader: Reader, uri: string): void {
    reader.due.add(uri);
    this.#tellDue(reader, uri);
    if (reader.due.size === 0 || this.#flushing) return;
    this.#flushing = true;
    void this.#flush();
  }

  /** Unless its reader heard of it just now, or has no room. */
  #tellDue(reader: Reader, uri: string): void {
    const now = this.#app.clock.now();
    // A clock that was set back is none to wait for.
    if (!reader.hasRoom || Math.abs(now - (reader.heardAt.get(uri) ?? Number.NEGATIVE_INFINITY)) < EVERY_MS) return;
    reader.due.delete(uri);
    reader.heardAt.set(uri, now);
    reader.of.resourceUpdated(uri);
  }

  /** Tells what was held back, until nothing is. */
  async #flush(): Promise<void> {
    const clock = background(this.#app.clock);
    try {
      for (let left = true; left; ) {
        await clock.sleep(EVERY_MS, this.#following?.signal);
        left = false;
        for (const reader of this.#readers.values()) {
          for (const uri of reader.due) this.#tellDue(reader, uri);
          left ||= reader.due.size > 0;
        }
      }
    } catch {
      // Nobody listens any more.
    } finally {
      this.#flushing = false;
    }
  }
}
