import type { AsyncLocalStorage } from "node:async_hooks";
import type { Access } from "./access/access.ts";
import { Denials } from "./access/denials.ts";
import { Keys } from "./access/keys.ts";
import { Tickets } from "./access/tickets.ts";
import { isTold } from "./delivery/consumer-events.ts";
import type { Consumers } from "./delivery/consumers.ts";
import type { Handlers } from "./delivery/handler-set.ts";
import { NexusError } from "./errors.ts";
import { type Context, contextOf, inherited, surrounding, within } from "./events/context.ts";
import type { NewEvent, NexusEvent } from "./events/event.ts";
import type { EventTypes } from "./events/event-types.ts";
import { type Limits, runErrorOf } from "./events/limits.ts";
import { LogEmitter } from "./log/emitter.ts";
import { Feed } from "./log/feed.ts";
import { KeptEventTypes } from "./log/kept-event-types.ts";
import type { Log } from "./log/log.ts";
import { Recorder } from "./log/recorder.ts";
import { type Hold, Retention, type RetentionLimits } from "./log/retention.ts";
import type { OpenStore, Store } from "./log/store.ts";
import type { Clock } from "./observability/clock.ts";
import type { Counters } from "./observability/counters.ts";
import type { Logger } from "./observability/logger.ts";
import { OpenedSessions } from "./sessions/sessions.ts";
import { Executor } from "./workflows/executor.ts";
import { Launcher } from "./workflows/launcher.ts";
import { OpenRuns } from "./workflows/open-runs.ts";
import type { Redaction } from "./workflows/redaction.ts";
import type { WorkflowRegistry } from "./workflows/registry.ts";
import { Runs } from "./workflows/runs.ts";
import type { Schedules } from "./workflows/schedules.ts";
import { Secrets } from "./workflows/secrets.ts";
import type { RunServices } from "./workflows/services.ts";

const CATCH_UP_MS = 1_000;
/** So long an unfinished run keeps its events, whatever the limits say. */
const RUN_HOLD_MS = 30 * 24 * 3_600_000;
/** And so long the events that a consumer has not got to. */
const CONSUMER_HOLD_MS = 7 * 24 * 3_600_000;

/** What an app knows before its store is open. */
export interface AppSetup {
  readonly source: string;
  readonly limits: Limits;
  readonly redaction: Redaction | undefined;
  readonly retention: RetentionLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly contexts: AsyncLocalStorage<Context>;
  readonly registry: WorkflowRegistry;
  readonly eventTypes: EventTypes;
  readonly strict: boolean;
  readonly handlers: Handlers;
  readonly consumers: Consumers;
  readonly schedules: Schedules;
  readonly access: Access;
  newId(): string;
}

/** The parts of an app that need its log. */
export class OpenApp {
  readonly store: OpenStore;
  readonly feed: Feed;
  readonly recorder: Recorder;
  readonly emitter: LogEmitter;
  readonly keptTypes: KeptEventTypes;
  readonly executor: Executor;
  readonly launcher: Launcher;
  readonly runs: Runs;
  readonly openRuns: OpenRuns;
  readonly retention: Retention;
  readonly sessions: OpenedSessions;
  readonly keys: Keys;
  readonly #setup: AppSetup;
  readonly #secrets: Secrets;

  private constructor(
    setup: AppSetup,
    store: OpenStore,
    feed: Feed,
    openRuns: OpenRuns,
    sessions: OpenedSessions,
    services: RunServices,
    emitter: LogEmitter,
    keptTypes: KeptEventTypes,
    keys: Keys,
  ) {
    this.#setup = setup;
    this.store = store;
    this.feed = feed;
    this.openRuns = openRuns;
    this.sessions = sessions;
    this.keys = keys;
    this.recorder = services.recorder;
    this.#secrets = services.secrets;
    this.emitter = emitter;
    this.keptTypes = keptTypes;
    this.executor = new Executor(services, setup.registry);
    this.launcher = new Launcher(services, this.executor);
    this.runs = new Runs(services, this.executor);
    this.retention = new Retention({
      ...services,
      limits: setup.retention,
      holds: (below) => this.#holds(below),
      beforeTrim: () => sessions.flush(),
    });
  }

  /** @throws STORE_LOCKED · STORE_NEWER · STORE_DAMAGED · STORE_UNAVAILABLE · EVENT_TYPE_EXISTS; then nothing is left open. */
  static async open(setup: AppSetup, store: Store): Promise<OpenApp> {
    const { clock, logger, contexts, source, limits, counters } = setup;
    const opened = await store.open({ now: () => clock.now() });
    let feed: Feed | undefined;
    let openRuns: OpenRuns | undefined;
    try {
      const { log, state } = opened;
      const keptTypes = await KeptEventTypes.load(state, logger);
      setup.eventTypes.agreeWith(keptTypes);
      const head = await log.head();
      feed = new Feed(log, head, async (error) => {
        if (NexusError.is(error, "STORE_DAMAGED")) return await damageFound(logger, error);
        logger.error({ error }, "the log could not be followed; trying again");
        counters.add("feed_errors");
        await clock.sleep(500);
      });
      const recorder = new Recorder(log, head.sequence);
      // Nothing of this process is under way before there is an app.
      const heard: { by?: OpenApp } = {};
      openRuns = await OpenRuns.open({ log, feed, state, logger, heard: (event) => heard.by?.executor.heard(event) });
      const ownerIn: RunServices["ownerIn"] = (sessionId) => heard.by?.sessions.enter(sessionId) ?? {};
      const emitter = new LogEmitter({ ...setup, recorder, epoch: head.epoch, context: () => surrounding(contexts), ownerIn });
      const services: RunServices = {
        log,
        state,
        feed,
        recorder,
        clock,
        logger,
        counters,
        limits,
        secrets: await Secrets.open({ ...setup, state }, openRuns.ids),
        source,
        isHidden: (event, owner) => setup.access.hides(event, owner),
        newId: () => setup.newId(),
        within: (context, call) => within(contexts, context, call),
        context: () => surrounding(contexts),
        ownerIn,
        emitter: {
          emitEvent: (type, data, options) => emitter.emit(type as string, data, options ?? {}, false),
          broadcastEvent: (type, data, options) => emitter.emit(type as string, data, options ?? {}, true),
        },
      };
      const sessions = await OpenedSessions.open(services);
      const record = async (event: Pick<NewEvent, "type" | "data">): Promise<void> =>
        void (await recorder.append(operatorsEvent(setup, event)));
      const keys = await Keys.open({ state, clock, record });
      const denials = new Denials({ clock, counters, record });
      setup.access.open({ keys, tickets: await Tickets.open({ state, clock }, keys), denials });
      const app = new OpenApp(setup, opened, feed, openRuns, sessions, services, emitter, keptTypes, keys);
      heard.by = app;
      setup.handlers.open(app.#handlerSetup());
      setup.consumers.open({
        ...services,
        random: Math.random,
        record: (event) => recorder.append(event),
        within: (event, call) => within(contexts, contextOf(event), call),
      });
      return app;
    } catch (error) {
      await openRuns?.close();
      await feed?.close(new NexusError("APP_STOPPED", {}));
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  get log(): Log {
    return this.store.log;
  }

  /** Records an event of the app's own; that it failed is logged. */
  async note(event: NewEvent): Promise<void> {
    try {
      await this.recorder.append(event);
    } catch (error) {
      this.#setup.logger.error({ error, type: event.type }, "an event was not recorded");
    }
  }

  /** The position after all that was recorded and acknowledged. */
  get position(): number {
    return Math.max(this.recorder.newest, this.feed.end);
  }

  /** Lets what was recorded reach those who read it; a store that does not answer is not waited for. */
  async caughtUp(): Promise<void> {
    await this.feed.caughtUp(AbortSignal.timeout(CATCH_UP_MS)).catch(() => {});
    await this.openRuns.caughtUp().catch(() => {});
  }

  async close(): Promise<void> {
    await this.retention.close();
    await this.sessions.close();
    await this.openRuns.close();
    await this.#secrets.close();
    await this.feed.close(new NexusError("APP_STOPPED", {}));
    await this.store[Symbol.asyncDispose]();
  }

  /** What needs events that retention would forget. */
  #holds(below: number): readonly Hold[] {
    const { consumers } = this.#setup;
    const runs: readonly Hold[] = this.openRuns.begunBefore(below).map(({ runId, position }) => ({
      kind: "run",
      name: runId,
      position,
      limitMs: RUN_HOLD_MS,
      release: () => this.executor.expire(runId),
    }));
    const behind = consumers.held().filter(({ position }) => position < below);
    return [
      ...runs,
      ...behind.map(({ name, position }): Hold => {
        const release = (floor: number): Promise<void> => consumers.release(name, floor);
        return { kind: "consumer", name, position, limitMs: CONSUMER_HOLD_MS, release };
      }),
    ];
  }

  #handlerSetup(): Parameters<Handlers["open"]>[0] {
    const { clock, logger, source, contexts, counters } = this.#setup;
    return {
      feed: this.feed,
      clock,
      logger,
      source,
      position: () => this.position,
      within: (event, call) => within(contexts, contextOf(event), call),
      missed: () => counters.add("handlers_behind"),
      failed: (event, error) => {
        counters.add("handler_failures");
        // No feedback: the failure to handle a failure is no event.
        if (!isTold(event)) logger.error({ error, eventId: event.id }, "a handler failed");
        else void this.note(this.#handlerFailed(event, error));
      },
    };
  }

  #handlerFailed(event: NexusEvent, error: unknown): NewEvent {
    return {
      id: this.#setup.newId(),
      type: "handler.failed",
      channel: event.channel,
      source: this.#setup.source,
      ...inherited(contextOf(event)),
      visibility: "operators",
      data: { eventId: event.id, error: runErrorOf(error) },
    };
  }
}

/** An event about the app itself, with whoever caused it: for operators alone. */
function operatorsEvent(setup: AppSetup, event: Pick<NewEvent, "type" | "data">): NewEvent {
  const { contexts, source } = setup;
  const id = setup.newId();
  const around = surrounding(contexts);
  return {
    id,
    channel: around?.channel ?? "app",
    source,
    correlationId: id,
    ...(around !== undefined && inherited({ ...around, sessionId: undefined })),
    visibility: "operators",
    ...event,
  };
}

/** Said once: nothing gets better by being tried again. Never resolves. */
function damageFound(logger: Logger, error: NexusError): Promise<never> {
  logger.error({ error }, "the database file is damaged: nothing is read from it or written to it; stop, and put a backup back");
  return new Promise(() => {});
}
