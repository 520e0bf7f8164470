import { NexusError } from "./errors.ts";
import type { NewEvent } from "./events/event.ts";
import type { Store } from "./log/store.ts";
import { type AppSetup, OpenApp } from "./open-app.ts";
import { usualFile } from "./stores/upkeep.ts";

const DRAIN_MS = 10_000;

export type Stopped = { readonly handlersLeft: number; readonly runsLeft: number };

/** What stands around an app that is stopped: those who call from outside. */
export interface Outside {
  /** No further calls. */
  stopAccepting(): Promise<void>;
  /** Tells those who still read. */
  closeStreams(): Promise<void>;
}

/** When an app opens, begins and stops; between that, it has its parts. */
export class AppLife {
  readonly #setup: AppSetup;
  readonly #store: Store | undefined;
  readonly #outside: Outside;
  /** What was registered before there was a log. */
  readonly #unrecorded: NewEvent[] = [];
  readonly #ended = new AbortController();
  #open: OpenApp | undefined;
  #opening: Promise<OpenApp> | undefined;
  #begun: Promise<void> | undefined;
  #stopping: Promise<Stopped> | undefined;

  constructor(setup: AppSetup, store: Store | undefined, outside: Outside) {
    this.#setup = setup;
    this.#store = store;
    this.#outside = outside;
  }

  /** Aborts with APP_STOPPED when the app has stopped. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whether it can take calls. */
  get isReady(): boolean {
    return this.#open !== undefined && this.#stopping === undefined;
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  /** Its parts. @throws APP_STOPPED when there are none. */
  get parts(): OpenApp {
    if (this.#open === undefined) throw new NexusError("APP_STOPPED", {});
    return this.#open;
  }

  /** Its parts, if they are there now: a call that uses them at once has its place among all calls. */
  get opened(): OpenApp | undefined {
    return this.#ended.signal.aborted ? undefined : this.#open;
  }

  /** @throws APP_STOPPED */
  checkRunning(): void {
    if (this.#stopping !== undefined) throw new NexusError("APP_STOPPED", {});
  }

  /** Opens the store, and no more. */
  ready(): Promise<OpenApp> {
    if (this.#ended.signal.aborted || (this.#stopping !== undefined && this.#open === undefined))
      return Promise.reject(new NexusError("APP_STOPPED", {}));
    this.#opening ??= this.#openNow().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Opens, takes up unfinished runs, and lets schedules fire: all of a start but listening. */
  begin(): Promise<void> {
    this.#begun ??= this.#begin().catch((error: unknown) => {
      this.#begun = undefined;
      throw error;
    });
    return this.#begun;
  }

  stop(deadlineMs: number = DRAIN_MS): Promise<Stopped> {
    this.#stopping ??= this.#stop(deadlineMs);
    return this.#stopping;
  }

  /** Records what the app itself did; before there is a log, that waits for it. */
  note(event: Pick<NewEvent, "type" | "workflowName" | "data" | "metadata">): void {
    const id = this.#setup.newId();
    const whole: NewEvent = { id, channel: "app", source: this.#setup.source, correlationId: id, visibility: "public", ...event };
    if (this.#open === undefined) this.#unrecorded.push(whole);
    else void this.#open.note(whole);
  }

  async #openNow(): Promise<OpenApp> {
    const open = await OpenApp.open(this.#setup, this.#store ?? (await defaultStore()));
    this.#open = open;
    // In call order, and before whatever the opening was for.
    const notes = this.#unrecorded.splice(0).map((event) => open.note(event));
    await Promise.all([...notes, ...this.#setup.eventTypes.all().map((type) => open.keptTypes.keep(type))]);
    return open;
  }

  async #begin(): Promise<void> {
    const { schedules, contexts } = this.#setup;
    const wasOpen = this.#open !== undefined;
    const open = await this.ready();
    try {
      await open.openRuns.caughtUp();
      await open.executor.takeUpAll(open.openRuns.ids);
      await this.#setup.consumers.begin();
      open.retention.begin();
      const { launcher, executor, store } = open;
      schedules.begin({ launcher, executor, state: store.state, within: (context, call) => contexts.run(context, call) });
    } catch (error) {
      if (!wasOpen) await this.#closeAgain(open);
      throw error;
    }
  }

  /** A start that failed half-way leaves nothing open. */
  async #closeAgain(open: OpenApp): Promise<void> {
    this.#open = undefined;
    this.#opening = undefined;
    open.executor.leaveAll();
    this.#setup.handlers.close();
    await this.#setup.consumers.close(new NexusError("APP_STOPPED", {}));
    await open.close();
  }

  async #stop(deadlineMs: number): Promise<Stopped> {
    this.#setup.schedules.stop();
    await this.#outside.stopAccepting();
    const open = this.#open ?? (await this.#opening?.catch(() => undefined));
    if (open === undefined) {
      this.#ended.abort(new NexusError("APP_STOPPED", {}));
      return { handlersLeft: 0, runsLeft: 0 };
    }
    await this.#drain(open, deadlineMs);
    const reason = new NexusError("STOPPING", {});
    open.executor.leaveAll();
    const handlersLeft = this.#setup.handlers.stop(reason);
    const deliveriesLeft = await this.#setup.consumers.stop(reason);
    await this.#outside.closeStreams();
    this.#ended.abort(new NexusError("APP_STOPPED", {}));
    await open.caughtUp();
    const runsLeft = open.openRuns.ids.length;
    await open.close();
    if (deliveriesLeft > 0)
      this.#setup.logger.warn({ deliveriesLeft }, "deliveries had not ended at the deadline of stop(); they are made again");
    if (handlersLeft > 0) this.#setup.logger.warn({ handlersLeft }, "handlers had not ended at the deadline of stop()");
    return { handlersLeft, runsLeft };
  }

  /** Lets runs, handlers and deliveries end, until the deadline. */
  async #drain(open: OpenApp, deadlineMs: number): Promise<void> {
    const handled = open.executor.drain().then(() => this.#setup.handlers.settled(open.position));
    const drained = Promise.all([handled, this.#setup.consumers.drain()]);
    const over = new AbortController();
    const deadline = this.#setup.clock.sleep(deadlineMs, over.signal).catch(() => {}); // All had ended before.
    await Promise.race([drained, deadline]);
    over.abort();
  }
}

async function defaultStore(): Promise<Store> {
  // Only now: whoever brings a store of their own needs no native code.
  const { sqliteStore } = await import("./stores/sqlite/store.ts");
  return sqliteStore(usualFile());
}
