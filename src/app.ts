import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { Access } from "./access/access.ts";
import type { Keys, MadeKey, NewKey } from "./access/keys.ts";
import type { EventQuery, HandlerFilter, NexusOptions, Off, On, Run, SubscribeOptions } from "./api.ts";
import { type Health, healthOf } from "./app-health.ts";
import { AppLife, type Stopped } from "./app-life.ts";
import { type ConsumerOptions, consumerPlan } from "./delivery/consumer-options.ts";
import { type ConsumerHandle, Consumers } from "./delivery/consumers.ts";
import { Handlers } from "./delivery/handler-set.ts";
import type { Handler } from "./delivery/handlers.ts";
import { type Subscription, subscription } from "./delivery/subscription.ts";
import { waitFor } from "./delivery/wait.ts";
import { NexusError } from "./errors.ts";
import type { BuiltInType } from "./events/built-in.ts";
import { type Context, surrounding, within } from "./events/context.ts";
import type { EventDefinition, Workflow } from "./events/definitions.ts";
import type { EmitOptions, Receipt } from "./events/emitter.ts";
import type { Channel, Cursor, NexusEvent } from "./events/event.ts";
import { filterOf, nameOf } from "./events/event-filter.ts";
import { defineEvent, type EventTypeOptions } from "./events/event-type.ts";
import { type EventTypeRecord, EventTypes } from "./events/event-types.ts";
import { idMaker } from "./events/id.ts";
import { type JsonObject, jsonCopy } from "./events/json.ts";
import type { Limits } from "./events/limits.ts";
import type { Schema } from "./events/schema.ts";
import { checkWhole } from "./events/whole.ts";
import { positionOf } from "./log/cursor.ts";
import type { LogEmitter } from "./log/emitter.ts";
import { type EventPage, eventPage } from "./log/event-page.ts";
import { type Clock, systemClock } from "./observability/clock.ts";
import { Counters } from "./observability/counters.ts";
import { consoleLogger, type Logger } from "./observability/logger.ts";
import type { AppSetup, OpenApp } from "./open-app.ts";
import { checkOptions, checkRunOptions, eventTypesIn, limitsOf, retentionOf, workflowsIn } from "./options.ts";
import { cancelOnAbort, runHandle } from "./run-handle.ts";
import type { Sessions } from "./sessions/api.ts";
import type { Deliver } from "./sinks/sink.ts";
import type { Graph } from "./workflows/builder.ts";
import type { RunOptions, WaitOptions } from "./workflows/context.ts";
import type { LaunchedRun } from "./workflows/launcher.ts";
import { redactionOf } from "./workflows/redaction.ts";
import { graphWorkflow, type WorkflowRecord, WorkflowRegistry, workflowRecord } from "./workflows/registry.ts";
import { type RunPage, type RunQuery, type RunRecord } from "./workflows/runs.ts";
import type { AnySchedule } from "./workflows/schedule.ts";
import { type ScheduleRecord, Schedules } from "./workflows/schedules.ts";
import type { WorkflowOptions } from "./workflows/workflow.ts";

/** Joins the parts: what every channel and all in-process code act on. Its typed face is `Nexus` in api.ts. */
export class App implements AsyncDisposable {
  readonly logger: Logger;
  readonly counters: Counters = new Counters();
  readonly access: Access;
  readonly runs: {
    get(runId: string): Promise<RunRecord>;
    list(query?: RunQuery): Promise<RunPage>;
    cancel(runId: string, reason?: string): Promise<RunRecord>;
  };
  readonly sessions: Sessions;
  readonly onWorkflowStarted: On<any, "workflow.started"> = this.#on("workflow.started");
  readonly onWorkflowProgress: On<any, "workflow.progress"> = this.#on("workflow.progress");
  readonly onWorkflowCompleted: On<any, "workflow.completed"> = this.#on("workflow.completed");
  readonly onWorkflowFailed: On<any, "workflow.failed"> = this.#on("workflow.failed");
  readonly onWorkflowCancelled: On<any, "workflow.cancelled"> = this.#on("workflow.cancelled");
  readonly onWorkflowRegistered: On<any, "workflow.registered"> = this.#on("workflow.registered");
  readonly onWorkflowUnregistered: On<any, "workflow.unregistered"> = this.#on("workflow.unregistered");
  readonly onSessionCreated: On<any, "session.created"> = this.#on("session.created");
  readonly onSessionUpdated: On<any, "session.updated"> = this.#on("session.updated");
  readonly onSessionEnded: On<any, "session.ended"> = this.#on("session.ended");
  readonly #setup: AppSetup;
  readonly #life: AppLife;

  /** Opens nothing. @throws OPTION_INVALID · OPTION_UNSUPPORTED · EVENT_TYPE_EXISTS · WORKFLOW_EXISTS */
  constructor(options: NexusOptions<any, any, any>) {
    checkOptions(options);
    this.logger = options.logger ?? consoleLogger;
    const clock = options.clock ?? systemClock;
    const registry = new WorkflowRegistry();
    const limits = limitsOf(options.limits);
    const contexts = new AsyncLocalStorage<Context>();
    this.access = new Access(contexts, options.auth ?? {}, { clock, callsPerSecond: limits.callsPerSecond });
    this.#setup = {
      source: `${options.name ?? "nexus"}/${randomBytes(6).toString("hex")}`,
      limits,
      redaction: redactionOf(options.redact),
      retention: retentionOf(options.retention),
      clock,
      logger: this.logger,
      counters: this.counters,
      contexts,
      access: this.access,
      registry,
      eventTypes: new EventTypes(),
      strict: options.eventTypes === "strict",
      handlers: new Handlers(),
      consumers: new Consumers(),
      schedules: new Schedules({ registry, limits, clock, logger: this.logger, counters: this.counters }),
      newId: idMaker(() => clock.now()),
    };
    this.#life = new AppLife(this.#setup, options.store, {
      stopAccepting: () => this.stopAccepting(),
      closeStreams: () => this.closeStreams(),
    });
    this.runs = {
      get: (runId) => this.#getRun(runId),
      list: async (query = {}) => (await this.#life.ready()).runs.list(query, this.access.sight),
      cancel: (runId, reason) => this.#cancelRun(runId, reason),
    };
    this.sessions = {
      create: (given) => this.#withSessions((sessions) => sessions.create(given)),
      get: (id) => this.#withSessions((sessions) => sessions.get(id)),
      update: (id, changes) => this.#withSessions((sessions) => sessions.update(id, changes)),
      join: (id, channel) => this.#withSessions((sessions) => sessions.join(id, channel)),
      end: (id) => this.#withSessions((sessions) => sessions.end(id)),
      list: (query) => this.#withSessions((sessions) => sessions.list(query)),
    };
    for (const definition of eventTypesIn(options.events)) this.registerEventType(definition);
    for (const workflow of workflowsIn(options.workflows)) this.register(workflow);
  }

  register(workflow: Workflow): Workflow;
  register(name: string, graph: Graph, options?: WorkflowOptions): Workflow;
  register(given: Workflow | string, graph?: Graph, options: WorkflowOptions = {}): Workflow {
    this.#life.checkRunning();
    const workflow = typeof given === "string" ? graphWorkflow(given, graph as Graph, options) : given;
    this.#setup.registry.add(workflow);
    const { name, metadata, ...data } = workflowRecord(workflow);
    this.#life.note({
      type: "workflow.registered",
      workflowName: name,
      data,
      ...(metadata !== undefined && { metadata: metadata as JsonObject }),
    });
    this.#life.opened?.executor.registered();
    return workflow;
  }

  unregister(workflow: Workflow | string): boolean {
    this.#life.checkRunning();
    const name = String(nameOf(workflow));
    const removed = this.#setup.registry.remove(name);
    if (!removed) return false;
    this.#life.note({ type: "workflow.unregistered", workflowName: name, data: {} });
    this.#life.opened?.executor.unregistered(name);
    return true;
  }

  schedule(name: string, options: AnySchedule): Off {
    this.#life.checkRunning();
    return this.#setup.schedules.add(name, options);
  }

  /** What is executed by the clock. */
  async schedules(): Promise<readonly ScheduleRecord[]> {
    const schedules = await this.#setup.schedules.list((await this.#life.ready()).store.state);
    if (this.access.sight === undefined) return schedules;
    // Their runs are nobody's: whoever does not see everything sees none of them.
    return schedules.map(({ lastRunId: _lastRunId, lastDueAt: _lastDueAt, ...schedule }) => schedule);
  }

  workflows(): readonly WorkflowRecord[] {
    return this.#setup.registry.all();
  }

  /** @throws WORKFLOW_NOT_FOUND */
  workflow(name: string): WorkflowRecord {
    return workflowRecord(this.#setup.registry.get(name));
  }

  registerEventType(definition: EventDefinition): EventDefinition;
  registerEventType(name: string, options?: EventTypeOptions & { readonly schema?: Schema }): EventDefinition;
  registerEventType(given: EventDefinition | string, options?: EventTypeOptions & { readonly schema?: Schema }): EventDefinition {
    this.#life.checkRunning();
    const definition = typeof given === "string" ? defineEvent(given, options as {}) : given;
    const type = this.#setup.eventTypes.add(definition);
    if (type === undefined) return definition;
    const { name, version, schema } = type.record;
    this.#life.note({ type: "event_type.registered", data: { name, version, ...(Object.keys(schema).length > 0 && { schema }) } });
    void this.#life.opened?.keptTypes.keep(type);
    return definition;
  }

  /** The registered types by name, then the built-in ones. */
  eventTypes(): readonly EventTypeRecord[] {
    return this.#setup.eventTypes.allShown();
  }

  /** @throws EVENT_TYPE_NOT_FOUND */
  eventType(name: string): EventTypeRecord {
    return this.#setup.eventTypes.shown(name);
  }

  onEvent(type: unknown, ...rest: [Handler<any>] | [HandlerFilter<any>, Handler<any>]): Off {
    const [filter, handler] = rest.length === 1 ? [{}, rest[0]] : rest;
    this.#life.checkRunning();
    if (typeof handler !== "function") throw new NexusError("OPTION_INVALID", { option: "handler", reason: "it is not a function" });
    const { signal, timeoutMs, ...fields } = filter as HandlerFilter;
    checkWhole("timeoutMs", timeoutMs, 1);
    return this.#setup.handlers.add(filterOf({ ...fields, type }), handler, { signal, timeoutMs });
  }

  consumer(name: string, options: ConsumerOptions<any, any>, to: Deliver<any>): ConsumerHandle {
    this.#life.checkRunning();
    return this.#setup.consumers.add(consumerPlan(name, options, to), () => this.#life.ready());
  }

  emitEvent(type: EventDefinition | string, data: unknown, options?: EmitOptions): Promise<Receipt> {
    return this.#emission(type, data, options, false, ({ emitter }, ...given) => emitter.emit(...given));
  }

  broadcastEvent(type: EventDefinition | string, data: unknown, options?: EmitOptions): Promise<Receipt> {
    return this.#emission(type, data, options, true, ({ emitter }, ...given) => emitter.emit(...given));
  }

  /** @returns also whether it was recorded now, or had been before. */
  emit(
    type: EventDefinition | string,
    data: unknown,
    options?: EmitOptions,
    broadcast: boolean = false,
  ): Promise<Receipt & { readonly recorded: boolean }> {
    return this.#emission(type, data, options, broadcast, ({ emitter }, ...given) => emitter.record(...given));
  }

  #emission<Told>(
    type: EventDefinition | string,
    data: unknown,
    options: EmitOptions = {},
    broadcast: boolean,
    emit: (open: OpenApp, ...given: Parameters<LogEmitter["emit"]>) => Promise<Told>,
  ): Promise<Told> {
    try {
      const allowed = this.access.emission(options, broadcast);
      // At the call when it is open: in the order of calls, and whatever the caller does to its object afterwards.
      const open = this.#life.opened;
      if (open !== undefined) return emit(open, type, data, allowed, broadcast);
      const given = jsonCopy(data);
      return this.#life.ready().then((opened) => emit(opened, type, given, allowed, broadcast));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /** Refuses what `emit` would refuse before it records anything. */
  async checkEmit(type: EventDefinition | string, data: unknown, options: EmitOptions, broadcast: boolean): Promise<void> {
    const allowed = this.access.emission(options, broadcast);
    await (await this.#life.ready()).emitter.check(type, data, allowed, broadcast);
  }

  async execute(workflow: Workflow | string, inputs?: unknown, options?: RunOptions): Promise<any> {
    const run = await this.startRun(workflow, inputs, options);
    return await run.result();
  }

  async startRun(workflow: Workflow | string, inputs?: unknown, options?: RunOptions): Promise<Run<any, any>> {
    const { run, cursor } = await this.launch(workflow, inputs, options);
    return runHandle(this.#life.parts, run, cursor, this.#life.ended);
  }

  /** Begins a run, or finds the one of its key. @returns it, and the place just before its first event. */
  async launch(
    workflow: Workflow | string,
    inputs: unknown = {},
    options: RunOptions = {},
  ): Promise<{ readonly run: LaunchedRun; readonly cursor: Cursor }> {
    const given = this.#life.opened === undefined ? jsonCopy(inputs) : inputs;
    const open = this.#life.opened ?? (await this.#life.ready());
    checkRunOptions(options);
    const { signal, ...rest } = options;
    signal?.throwIfAborted();
    const run = await open.launcher.launch(
      this.#setup.registry.get(String(nameOf(workflow))),
      given as JsonObject,
      this.access.owned(rest),
    );
    cancelOnAbort(open, run, signal, this.#life.ended, (error) =>
      this.logger.error({ error, runId: run.runId }, "a run could not be cancelled"),
    );
    return { run, cursor: await open.feed.cursorAt(run.before, this.access.sight) };
  }

  async getEvents(query: EventQuery<any, any> = {}): Promise<EventPage> {
    const filter = this.access.seen(filterOf(query, ["after", "before", "limit", "order"], true));
    const { store, feed } = await this.#life.ready();
    return await eventPage(store.log, feed, { ...query, filter });
  }

  subscribe(options: SubscribeOptions<any, any> = {}): Subscription<any> {
    const { after = "latest", onLoss, signal } = options;
    const filter = this.access.seen(filterOf(options, ["after", "onLoss", "signal"]));
    return subscription(this.#life.opened ?? this.#life.ready(), {
      filter,
      after,
      onLoss,
      // What ends quietly is a reader that was there; one that comes to an app that has stopped is told.
      signals: [signal, this.#life.ended].filter(
        (each) => each !== undefined && !(each === this.#life.ended && each.aborted),
      ) as AbortSignal[],
    });
  }

  async waitForEvent(type: EventDefinition | string, options: WaitOptions<any> = {}): Promise<any> {
    const { match, after = "latest", timeoutMs, signal, ...fields } = options as WaitOptions<NexusEvent> & { readonly match?: JsonObject };
    checkWhole("timeoutMs", timeoutMs, 0);
    const filter = this.access.seen(filterOf({ ...fields, type }));
    const { log, feed } = this.#life.opened ?? (await this.#life.ready());
    const position = await positionOf(log, after, filter.seen?.by);
    const signals = signal === undefined ? this.#life.ended : AbortSignal.any([signal, this.#life.ended]);
    return await waitFor(feed, this.#setup.clock, { filter, match, after: position }, timeoutMs, signals);
  }

  /** Opens the store, and no more. */
  async open(): Promise<void> {
    await this.#life.ready();
  }

  /** Opens, and takes up unfinished runs: all of a start but listening. */
  begin(): Promise<void> {
    return this.#life.begin();
  }

  async settled(): Promise<void> {
    const open = await this.#life.ready();
    // Past the writes that were called before this one.
    const { sequence } = await open.store.log.head();
    await this.#setup.handlers.settled(sequence);
  }

  stop(options: { readonly deadlineMs?: number } = {}): Promise<Stopped> {
    return this.#life.stop(options.deadlineMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Calls with `context` around it: what a channel knows of its caller. */
  within<T>(context: Context, call: () => T): T {
    return within(this.#setup.contexts, context, call);
  }

  /** The same for a context that adds to the present one. */
  withinAlso<T>(context: Partial<Context>, call: () => T): T {
    return this.within({ channel: "app", ...surrounding(this.#setup.contexts), ...context }, call);
  }

  /** Where the present call came in. */
  get channel(): Channel {
    return this.#setup.contexts.getStore()?.channel ?? "app";
  }

  /** What surrounds a call from outside that names a session. @throws SESSION_NOT_FOUND · SESSION_ENDED */
  async inSession(context: Context, sessionId: string): Promise<Context> {
    return await (await this.#life.ready()).sessions.around(context, sessionId);
  }

  /** What readers read from; opens the app. */
  async source(): Promise<Pick<OpenApp, "feed"> & { readonly log: OpenApp["store"]["log"] }> {
    const { store, feed } = await this.#life.ready();
    return { log: store.log, feed };
  }

  /** The API keys; opens the app. */
  async keys(): Promise<Keys> {
    return (await this.#life.ready()).keys;
  }

  /** Makes an API key as whoever has the app's file may; see the operation keys.create. */
  async createKey(key: NewKey): Promise<MadeKey> {
    return await (await this.keys()).create(key);
  }

  /** The durable consumers and their dead letters; opens the app. */
  async consumers(): Promise<Consumers> {
    await this.#life.ready();
    return this.#setup.consumers;
  }

  /** Numbers of this moment. */
  async health(): Promise<Health> {
    return await healthOf(this.#setup, await this.#life.ready(), this.isStopping);
  }

  /** What is under way at this moment. */
  async activity(): Promise<{ readonly head: number; readonly undelivered: boolean; readonly working: number }> {
    const { store, feed, executor } = await this.#life.ready();
    const { sequence } = await store.log.head();
    const { lag, running } = this.#setup.handlers.load;
    const { isBehind, underWay } = this.#setup.consumers.activity;
    const working = executor.live.reduce((sum, run) => sum + run.working, running + underWay);
    return { head: sequence, undelivered: feed.end < sequence || lag > 0 || isBehind, working };
  }

  /** As it was given: the first half of its events' `source`. */
  get name(): string {
    return this.#setup.source.split("/", 1)[0] as string;
  }

  /** Whether it can take calls. */
  get isReady(): boolean {
    return this.#life.isReady;
  }

  get isStopping(): boolean {
    return this.#life.isStopping;
  }

  get limits(): Limits {
    return this.#setup.limits;
  }

  /** Time as the app has it. */
  get clock(): Clock {
    return this.#setup.clock;
  }

  /** No further calls from outside. */
  protected async stopAccepting(): Promise<void> {}

  /** Tells those who still read from outside. */
  protected async closeStreams(): Promise<void> {}

  #on<Type extends BuiltInType>(type: Type): On<any, Type> {
    return ((...args: [Handler<any>] | [HandlerFilter<any>, Handler<any>]) => this.onEvent(type, ...args)) as On<any, Type>;
  }

  /** At the call when it is open: in the order of calls. */
  async #withSessions<T>(call: (sessions: Sessions) => Promise<T>): Promise<T> {
    return await call((this.#life.opened ?? (await this.#life.ready())).sessions);
  }

  async #getRun(runId: string): Promise<RunRecord> {
    const record = await (await this.#life.ready()).runs.get(runId, this.access.sight);
    if (record === undefined) throw new NexusError("RUN_NOT_FOUND", { runId });
    return record;
  }

  async #cancelRun(runId: string, reason: string | undefined): Promise<RunRecord> {
    if (this.access.caller !== undefined) this.access.checkOwner((await this.#getRun(runId)).userId);
    await (await this.#life.ready()).executor.cancel(runId, reason);
    return await this.#getRun(runId);
  }
}
