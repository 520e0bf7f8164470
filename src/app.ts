import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import type { EventQuery, HandlerFilter, NexusOptions, Off, On, Run, SubscribeOptions } from "./api.ts";
import { Handlers } from "./delivery/handler-set.ts";
import type { Handler } from "./delivery/handlers.ts";
import { type Subscription, subscription } from "./delivery/subscription.ts";
import { waitFor } from "./delivery/wait.ts";
import { NexusError } from "./errors.ts";
import type { BuiltInType } from "./events/built-in.ts";
import type { Context } from "./events/context.ts";
import type { EventDefinition, Workflow } from "./events/definitions.ts";
import type { EmitOptions, Receipt } from "./events/emitter.ts";
import type { Cursor, NewEvent, NexusEvent } from "./events/event.ts";
import { filterOf, nameOf } from "./events/event-filter.ts";
import { idMaker } from "./events/id.ts";
import { type JsonObject, jsonCopy } from "./events/json.ts";
import type { Limits } from "./events/limits.ts";
import { positionOf } from "./log/cursor.ts";
import { receiptOf } from "./log/emitter.ts";
import { type EventPage, eventPage } from "./log/event-page.ts";
import type { Store } from "./log/store.ts";
import { type Clock, systemClock } from "./observability/clock.ts";
import { Counters } from "./observability/counters.ts";
import { consoleLogger, type Logger } from "./observability/logger.ts";
import { type AppSetup, OpenApp } from "./open-app.ts";
import { checkOptions, checkRunOptions, definitionsIn, limitsOf, workflowsIn } from "./options.ts";
import { cancelOnAbort, runHandle } from "./run-handle.ts";
import type { Graph } from "./workflows/builder.ts";
import type { RunOptions, WaitOptions } from "./workflows/context.ts";
import type { LiveRun } from "./workflows/live-run.ts";
import { graphWorkflow, type WorkflowRecord, WorkflowRegistry, workflowRecord } from "./workflows/registry.ts";
import { type RunPage, type RunQuery, type RunRecord } from "./workflows/runs.ts";
import { checkWhole, type WorkflowOptions } from "./workflows/workflow.ts";

const DRAIN_MS = 10_000;

export type Stopped = { readonly handlersLeft: number; readonly runsLeft: number };

/** Joins the parts: what every channel and all in-process code act on. Its typed face is `Nexus` in api.ts. */
export class App implements AsyncDisposable {
  readonly logger: Logger;
  readonly counters: Counters = new Counters();
  readonly runs: {
    get(runId: string): Promise<RunRecord>;
    list(query?: RunQuery): Promise<RunPage>;
    cancel(runId: string, reason?: string): Promise<RunRecord>;
  };
  readonly onWorkflowStarted: On<any, "workflow.started"> = this.#on("workflow.started");
  readonly onWorkflowProgress: On<any, "workflow.progress"> = this.#on("workflow.progress");
  readonly onWorkflowCompleted: On<any, "workflow.completed"> = this.#on("workflow.completed");
  readonly onWorkflowFailed: On<any, "workflow.failed"> = this.#on("workflow.failed");
  readonly onWorkflowCancelled: On<any, "workflow.cancelled"> = this.#on("workflow.cancelled");
  readonly onWorkflowRegistered: On<any, "workflow.registered"> = this.#on("workflow.registered");
  readonly onWorkflowUnregistered: On<any, "workflow.unregistered"> = this.#on("workflow.unregistered");
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #source: string;
  readonly #newId: () => string;
  readonly #contexts = new AsyncLocalStorage<Context>();
  readonly #registry = new WorkflowRegistry();
  readonly #definitions: ReadonlyMap<string, EventDefinition>;
  readonly #strict: boolean;
  readonly #handlers = new Handlers();
  readonly #store: Store | undefined;
  /** Registrations that wait for the log. */
  readonly #unrecorded: NewEvent[] = [];
  readonly #ended = new AbortController();
  #open: OpenApp | undefined;
  #opening: Promise<OpenApp> | undefined;
  #begun: Promise<void> | undefined;
  #stopping: Promise<Stopped> | undefined;

  /** Opens nothing. @throws OPTION_INVALID · OPTION_UNSUPPORTED · EVENT_TYPE_EXISTS · WORKFLOW_EXISTS */
  constructor(options: NexusOptions<any, any, any>) {
    checkOptions(options);
    this.logger = options.logger ?? consoleLogger;
    this.#clock = options.clock ?? systemClock;
    this.#limits = limitsOf(options.limits);
    this.#source = `${options.name ?? "nexus"}/${randomBytes(6).toString("hex")}`;
    this.#newId = idMaker(() => this.#clock.now());
    this.#definitions = definitionsIn(options.events);
    this.#strict = options.eventTypes === "strict";
    this.#store = options.store;
    this.runs = {
      get: (runId) => this.#getRun(runId),
      list: async (query = {}) => (await this.#ready()).runs.list(query),
      cancel: (runId, reason) => this.#cancelRun(runId, reason),
    };
    for (const workflow of workflowsIn(options.workflows)) this.register(workflow);
  }

  register(workflow: Workflow): Workflow;
  register(name: string, graph: Graph, options?: WorkflowOptions): Workflow;
  register(given: Workflow | string, graph?: Graph, options: WorkflowOptions = {}): Workflow {
    this.#checkRunning();
    const workflow = typeof given === "string" ? graphWorkflow(given, graph as Graph, options) : given;
    this.#registry.add(workflow);
    const { name, metadata, ...data } = workflowRecord(workflow);
    this.#note({
      type: "workflow.registered",
      workflowName: name,
      data,
      ...(metadata !== undefined && { metadata: metadata as JsonObject }),
    });
    this.#open?.executor.registered();
    return workflow;
  }

  unregister(workflow: Workflow | string): boolean {
    this.#checkRunning();
    const name = String(nameOf(workflow));
    const removed = this.#registry.remove(name);
    if (!removed) return false;
    this.#note({ type: "workflow.unregistered", workflowName: name, data: {} });
    this.#open?.executor.unregistered(name);
    return true;
  }

  workflows(): readonly WorkflowRecord[] {
    return this.#registry.all();
  }

  /** @throws WORKFLOW_NOT_FOUND */
  workflow(name: string): WorkflowRecord {
    return workflowRecord(this.#registry.get(name));
  }

  onEvent(type: unknown, ...rest: [Handler<any>] | [HandlerFilter<any>, Handler<any>]): Off {
    const [filter, handler] = rest.length === 1 ? [{}, rest[0]] : rest;
    this.#checkRunning();
    if (typeof handler !== "function") throw new NexusError("OPTION_INVALID", { option: "handler", reason: "it is not a function" });
    const { signal, timeoutMs, ...fields } = filter as HandlerFilter;
    checkWhole("timeoutMs", timeoutMs, 1);
    return this.#handlers.add(filterOf({ ...fields, type }), handler, { signal, timeoutMs });
  }

  async emitEvent(type: EventDefinition | string, data: unknown, options?: EmitOptions): Promise<Receipt> {
    return receiptOf(await this.emit(type, data, options, false));
  }

  async broadcastEvent(type: EventDefinition | string, data: unknown, options?: EmitOptions): Promise<Receipt> {
    return receiptOf(await this.emit(type, data, options, true));
  }

  /** @returns also whether it was recorded now, or had been before. */
  async emit(
    type: EventDefinition | string,
    data: unknown,
    options: EmitOptions = {},
    broadcast: boolean = false,
  ): Promise<Receipt & { readonly recorded: boolean }> {
    // At the call when it is open: in the order of calls, and whatever the caller does to its object afterwards.
    const open = this.#opened;
    if (open !== undefined) return await open.emitter.emit(type, data, options, broadcast);
    const given = jsonCopy(data);
    return await (await this.#ready()).emitter.emit(type, given, options, broadcast);
  }

  async execute(workflow: Workflow | string, inputs?: unknown, options?: RunOptions): Promise<any> {
    const run = await this.startRun(workflow, inputs, options);
    return await run.result();
  }

  async startRun(workflow: Workflow | string, inputs?: unknown, options?: RunOptions): Promise<Run<any, any>> {
    const { run, cursor } = await this.launch(workflow, inputs, options);
    return runHandle(this.#openParts, run, cursor, this.#ended.signal);
  }

  /** Begins a run. @returns it, and the place just before its first event. */
  async launch(
    workflow: Workflow | string,
    inputs: unknown = {},
    options: RunOptions = {},
  ): Promise<{ readonly run: LiveRun; readonly cursor: Cursor }> {
    const given = this.#opened === undefined ? jsonCopy(inputs) : inputs;
    const open = this.#opened ?? (await this.#ready());
    checkRunOptions(options);
    options.signal?.throwIfAborted();
    const { run, position } = await open.executor.start(
      this.#registry.get(String(nameOf(workflow))),
      given as JsonObject,
      options,
      this.#newId(),
    );
    cancelOnAbort(open, run, options.signal, (error) => this.logger.error({ error, runId: run.runId }, "a run could not be cancelled"));
    return { run, cursor: await open.feed.cursorAt(position.sequence - 1) };
  }

  async getEvents(query: EventQuery<any, any> = {}): Promise<EventPage> {
    const filter = filterOf(query, ["after", "before", "limit", "order"], true);
    const { store, feed } = await this.#ready();
    return await eventPage(store.log, feed, { ...query, filter });
  }

  subscribe(options: SubscribeOptions<any, any> = {}): Subscription<any> {
    const { after = "latest", onLoss, signal } = options;
    const filter = filterOf(options, ["after", "onLoss", "signal"]);
    return subscription(this.#opened ?? this.#ready(), {
      filter,
      after,
      onLoss,
      // What ends quietly is a reader that was there; one that comes to an app that has stopped is told.
      signals: [signal, this.#ended.signal].filter(
        (each) => each !== undefined && !(each === this.#ended.signal && each.aborted),
      ) as AbortSignal[],
    });
  }

  async waitForEvent(type: EventDefinition | string, options: WaitOptions<any> = {}): Promise<any> {
    const { match, after = "latest", timeoutMs, signal, ...fields } = options as WaitOptions<NexusEvent> & { readonly match?: JsonObject };
    checkWhole("timeoutMs", timeoutMs, 0);
    const filter = filterOf({ ...fields, type });
    const { log, feed } = this.#opened ?? (await this.#ready());
    const position = await positionOf(log, after);
    const signals = signal === undefined ? this.#ended.signal : AbortSignal.any([signal, this.#ended.signal]);
    return await waitFor(feed, this.#clock, { filter, match, after: position }, timeoutMs, signals);
  }

  /** Opens the store, and no more. */
  async open(): Promise<void> {
    await this.#ready();
  }

  /** Opens, and takes up unfinished runs: all of a start but listening. */
  begin(): Promise<void> {
    this.#begun ??= this.#begin().catch((error: unknown) => {
      this.#begun = undefined;
      throw error;
    });
    return this.#begun;
  }

  async settled(): Promise<void> {
    const open = await this.#ready();
    // Past the writes that were called before this one.
    const { sequence } = await open.store.log.head();
    await this.#handlers.settled(sequence);
  }

  stop(options: { readonly deadlineMs?: number } = {}): Promise<Stopped> {
    this.#stopping ??= this.#stop(options.deadlineMs ?? DRAIN_MS);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Calls with `context` around it: what a channel knows of its caller. */
  within<T>(context: Context, call: () => T): T {
    return this.#contexts.run(context, call);
  }

  /** What readers read from; opens the app. */
  async source(): Promise<Pick<OpenApp, "feed"> & { readonly log: OpenApp["store"]["log"] }> {
    const { store, feed } = await this.#ready();
    return { log: store.log, feed };
  }

  /** Numbers of this moment. */
  async health(): Promise<object> {
    const { store, feed, executor, openRuns } = await this.#ready();
    const { epoch, floor, sequence } = await store.log.head();
    return {
      status: this.#stopping === undefined ? "ok" : "stopping",
      source: this.#source,
      log: { epoch, floor, head: sequence, feedLag: sequence - feed.end },
      runs: { unfinished: openRuns.ids.length, here: executor.live.length },
      handlers: this.#handlers.load,
      counters: this.counters.all(),
    };
  }

  /** Whether it can take calls. */
  get isReady(): boolean {
    return this.#open !== undefined && this.#stopping === undefined;
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  /** Time as the app has it. */
  get clock(): Clock {
    return this.#clock;
  }

  /** No further calls from outside. */
  protected async stopAccepting(): Promise<void> {}

  /** Tells those who still read from outside. */
  protected async closeStreams(): Promise<void> {}

  get #openParts(): OpenApp {
    if (this.#open === undefined) throw new NexusError("APP_STOPPED", {});
    return this.#open;
  }

  /** Its parts, if they are there now: a call that uses them at once has its place among all calls. */
  get #opened(): OpenApp | undefined {
    return this.#ended.signal.aborted ? undefined : this.#open;
  }

  #ready(): Promise<OpenApp> {
    if (this.#ended.signal.aborted || (this.#stopping !== undefined && this.#open === undefined))
      return Promise.reject(new NexusError("APP_STOPPED", {}));
    this.#opening ??= this.#openNow().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #openNow(): Promise<OpenApp> {
    const open = await OpenApp.open(this.#setup(), this.#store ?? (await defaultStore()));
    this.#open = open;
    // In call order, and before whatever the opening was for.
    const notes = this.#unrecorded.splice(0).map((event) => open.note(event));
    await Promise.all(notes);
    return open;
  }

  async #begin(): Promise<void> {
    const wasOpen = this.#open !== undefined;
    const open = await this.#ready();
    try {
      await open.openRuns.caughtUp();
      await open.executor.takeUpAll(open.openRuns.ids);
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
    this.#handlers.close();
    await open.close();
  }

  #setup(): AppSetup {
    return {
      source: this.#source,
      limits: this.#limits,
      clock: this.#clock,
      logger: this.logger,
      counters: this.counters,
      contexts: this.#contexts,
      registry: this.#registry,
      definitions: this.#definitions,
      strict: this.#strict,
      handlers: this.#handlers,
      newId: this.#newId,
    };
  }

  async #stop(deadlineMs: number): Promise<Stopped> {
    await this.stopAccepting();
    const open = this.#open ?? (await this.#opening?.catch(() => undefined));
    if (open === undefined) {
      this.#ended.abort(new NexusError("APP_STOPPED", {}));
      return { handlersLeft: 0, runsLeft: 0 };
    }
    await this.#drain(open, deadlineMs);
    const reason = new NexusError("STOPPING", {});
    open.executor.leaveAll();
    const handlersLeft = this.#handlers.stop(reason);
    await this.closeStreams();
    this.#ended.abort(new NexusError("APP_STOPPED", {}));
    await open.caughtUp();
    const runsLeft = open.openRuns.ids.length;
    await open.close();
    if (handlersLeft > 0) this.logger.warn({ handlersLeft }, "handlers had not ended at the deadline of stop()");
    return { handlersLeft, runsLeft };
  }

  /** Lets runs and handlers end, until the deadline. */
  async #drain(open: OpenApp, deadlineMs: number): Promise<void> {
    const drained = open.executor.drain().then(() => this.#handlers.settled(open.position));
    const over = new AbortController();
    const deadline = this.#clock.sleep(deadlineMs, over.signal).catch(() => {}); // All had ended before.
    await Promise.race([drained, deadline]);
    over.abort();
  }

  #on<Type extends BuiltInType>(type: Type): On<any, Type> {
    return ((...args: [Handler<any>] | [HandlerFilter<any>, Handler<any>]) => this.onEvent(type, ...args)) as On<any, Type>;
  }

  #note(event: Pick<NewEvent, "type" | "workflowName" | "data" | "metadata">): void {
    const id = this.#newId();
    const whole: NewEvent = { id, channel: "app", source: this.#source, correlationId: id, visibility: "public", ...event };
    if (this.#open === undefined) this.#unrecorded.push(whole);
    else void this.#open.note(whole);
  }

  async #getRun(runId: string): Promise<RunRecord> {
    const record = await (await this.#ready()).runs.get(runId);
    if (record === undefined) throw new NexusError("RUN_NOT_FOUND", { runId });
    return record;
  }

  async #cancelRun(runId: string, reason: string | undefined): Promise<RunRecord> {
    await (await this.#ready()).executor.cancel(runId, reason);
    return await this.#getRun(runId);
  }

  #checkRunning(): void {
    if (this.#stopping !== undefined) throw new NexusError("APP_STOPPED", {});
  }
}

async function defaultStore(): Promise<Store> {
  // Only now: whoever brings a store of their own needs no native code.
  const { sqliteStore } = await import("./stores/sqlite/store.ts");
  return sqliteStore(process.env["NEXUS_DB"] || ".nexus/nexus.db");
}
