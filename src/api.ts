import type { Authenticate } from "./access/authenticate.ts";
import type { JwtOptions } from "./access/jwt.ts";
import type { ConsumerOptions } from "./delivery/consumer-options.ts";
import type { ConsumerHandle as Consumer } from "./delivery/consumers.ts";
import type { Handler } from "./delivery/handlers.ts";
import type { After, Subscription } from "./delivery/subscription.ts";
import type { BuiltInEvent, BuiltInType } from "./events/built-in.ts";
import type { Definitions, EventDefinition, Refused, SomeWorkflow, types, Workflow } from "./events/definitions.ts";
import type { Emitter } from "./events/emitter.ts";
import type { Cursor } from "./events/event.ts";
import type { EventFilter } from "./events/event-filter.ts";
import type { CustomName, EventTypeOptions } from "./events/event-type.ts";
import type { Limits } from "./events/limits.ts";
import type { EventFor, OpenRegistry, Registry, Resolve, ResultOf, TypeArg, WorkflowName } from "./events/registry.ts";
import type { JsonOutput, Schema, SchemaInput, SchemaOutput } from "./events/schema.ts";
import type { RetentionLimits } from "./log/retention.ts";
import type { Store } from "./log/store.ts";
import type { Clock } from "./observability/clock.ts";
import type { Logger } from "./observability/logger.ts";
import type { Sessions } from "./sessions/api.ts";
import type { Deliver } from "./sinks/sink.ts";
import type { Graph } from "./workflows/builder.ts";
import type { InputArgs, WaitOptions } from "./workflows/context.ts";
import type { Redact } from "./workflows/redaction.ts";
import type { RunPage, RunQuery, RunRecord } from "./workflows/runs.ts";
import type { ScheduleOptions } from "./workflows/schedule.ts";
import type { WorkflowOptions } from "./workflows/workflow.ts";

type OneOrMore<T> = T | readonly T[];

export interface EventQuery<T, W> extends EventFilter<T, W> {
  /** A Date, milliseconds since the epoch, or RFC 3339 with a zone. */
  readonly since?: Date | number | string | undefined;
  readonly until?: Date | number | string | undefined;
  readonly after?: After | undefined;
  readonly before?: Cursor | undefined;
  readonly order?: "asc" | "desc" | undefined;
  /** 1 to 1000; default 100. */
  readonly limit?: number | undefined;
}
export interface SubscribeOptions<T, W> extends EventFilter<T, W> {
  /** Default "latest". */
  readonly after?: After | undefined;
  /** When `after` is gone: go on from the earliest that is left, instead of throwing. */
  readonly onLoss?: "earliest" | undefined;
  /** Ends the loop quietly, as `stop()` does. */
  readonly signal?: AbortSignal | undefined;
}
/** A list and the place it is true for: pass `cursor` as `after` to read or follow on; nothing in between is missed. */
export type Page<Name extends string, Item> = { readonly [Key in Name]: readonly Item[] } & {
  readonly cursor: Cursor;
  readonly hasMore: boolean;
  /** Where older items are to be had: pass it as `before`. */
  readonly previous?: Cursor;
};
export interface Run<W = Workflow, R extends Registry = OpenRegistry> {
  readonly runId: string;
  /** The place just before its first event. */
  readonly cursor: Cursor;
  /** @throws WORKFLOW_FAILED · RUN_CANCELLED */
  result(): Promise<ResultOf<W>>;
  /** From its first event to its last, then ends. */
  events(): Subscription<EventFor<R, "*", W>>;
  cancel(reason?: string): Promise<void>;
}

/** What can be asked of an app. */
export interface NexusApi<R extends Registry> extends Emitter<R> {
  /** Executes a workflow and waits for its result. @throws INPUT_INVALID · WORKFLOW_NOT_FOUND · OVERLOADED before there is a run; WORKFLOW_FAILED · RUN_CANCELLED after. */
  execute<W extends Workflow | WorkflowName<R>>(workflow: W, ...args: InputArgs<Resolve<R, W>>): Promise<ResultOf<Resolve<R, W>>>;
  /** As `execute`, but resolves when the run is recorded. */
  startRun<W extends Workflow | WorkflowName<R>>(workflow: W, ...args: InputArgs<Resolve<R, W>>): Promise<Run<Resolve<R, W>, R>>;
  /** One page: after `after` if given, else the newest; oldest first either way, unless `order` is "desc". @throws CURSOR_EXPIRED · CURSOR_UNKNOWN */
  getEvents<T extends TypeArg<R>, W extends Workflow | WorkflowName<R> = SomeWorkflow>(
    query?: EventQuery<T, W>,
  ): Promise<Page<"events", EventFor<R, T, Resolve<R, W>>>>;
  /** From `after` on: each matching event exactly once and in order. @throws CURSOR_EXPIRED · CURSOR_UNKNOWN from the loop. */
  subscribe<T extends TypeArg<R>, W extends Workflow | WorkflowName<R> = SomeWorkflow>(
    options?: SubscribeOptions<T, W>,
  ): Subscription<EventFor<R, T, Resolve<R, W>>>;
  /** The next matching event, or `undefined` after `timeoutMs`. */
  waitForEvent<T extends TypeArg<R>>(type: T, options?: WaitOptions<NoInfer<EventFor<R, T>>>): Promise<EventFor<R, T> | undefined>;
  readonly runs: {
    /** @throws RUN_NOT_FOUND, also for somebody else's. */
    get(runId: string): Promise<RunRecord>;
    /** Newest first. */
    list(query?: RunQuery): Promise<RunPage>;
    /** Ends it; one that has ended stays as it is. */
    cancel(runId: string, reason?: string): Promise<RunRecord>;
  };
  readonly sessions: Sessions;
  readonly [types]?: R;
}

export type Off = () => void;
export interface HandlerFilter<W = Workflow | string> extends EventFilter<never, W> {
  /** Removes the handler. */
  readonly signal?: AbortSignal | undefined;
  /** Default 30_000. */
  readonly timeoutMs?: number | undefined;
}
export interface On<R extends Registry, Type extends BuiltInType> {
  (handler: Handler<BuiltInEvent<Type>>): Off;
  <W extends Workflow | WorkflowName<R> = SomeWorkflow>(
    filter: HandlerFilter<W>,
    handler: Handler<NoInfer<BuiltInEvent<Type, Resolve<R, W>>>>,
  ): Off;
}
export type FetchHandler = (request: Request) => Promise<Response>;

export interface Nexus<R extends Registry = any> extends NexusApi<R>, AsyncDisposable {
  /** Adds a workflow, or a graph under a name. @throws WORKFLOW_EXISTS · NAME_INVALID at once, with nothing half registered. */
  register<W extends Workflow>(workflow: W): W;
  register<Name extends string>(name: Name, graph: Graph, options?: WorkflowOptions): Workflow<Name, Inputs, any>;
  /** Runs under way finish; others wait, visibly, for its return. @returns whether it was registered. */
  unregister(workflow: Workflow | string): boolean;
  /** Adds an event type, or a higher version of it: from now on its events are checked. @throws EVENT_TYPE_EXISTS · EVENT_TYPE_INVALID · SCHEMA_INVALID at once. */
  registerEventType<D extends EventDefinition>(definition: D): D;
  registerEventType<Name extends string, S extends Schema>(
    name: CustomName<Name>,
    options: EventTypeOptions & { readonly schema: JsonOutput<S> },
  ): EventDefinition<Name, SchemaInput<S>, SchemaOutput<S>>;

  // Handlers: in this process, after commit, in order, at most once.
  readonly onWorkflowStarted: On<R, "workflow.started">;
  readonly onWorkflowProgress: On<R, "workflow.progress">;
  readonly onWorkflowCompleted: On<R, "workflow.completed">;
  readonly onWorkflowFailed: On<R, "workflow.failed">;
  readonly onWorkflowCancelled: On<R, "workflow.cancelled">;
  readonly onWorkflowRegistered: On<R, "workflow.registered">;
  readonly onWorkflowUnregistered: On<R, "workflow.unregistered">;
  readonly onSessionCreated: On<R, "session.created">;
  readonly onSessionUpdated: On<R, "session.updated">;
  readonly onSessionEnded: On<R, "session.ended">;
  onEvent<T extends TypeArg<R>>(type: OneOrMore<T>, handler: Handler<NoInfer<EventFor<R, T>>>): Off;
  onEvent<T extends TypeArg<R>, W extends Workflow | WorkflowName<R> = SomeWorkflow>(
    type: OneOrMore<T>,
    filter: HandlerFilter<W>,
    handler: Handler<NoInfer<EventFor<R, T, Resolve<R, W>>>>,
  ): Off;

  /**
   * A durable reader: at least once, in order, on from where it was after any crash; one active per name.
   *
   * @throws CONSUMER_EXISTS if this process has one of that name · NAME_INVALID · OPTION_INVALID · FILTER_INVALID
   * @see docs/delivery.md
   */
  consumer<O extends ConsumerOptions<TypeArg<R>, Workflow | WorkflowName<R>>>(
    name: string,
    options: O & NoOthers<O, ConsumerOptions<any, any>>,
    to: Deliver<NoInfer<EventFor<R, Picked<O, "type", string>, Resolve<R, Picked<O, "workflow", SomeWorkflow>>>>>,
  ): Consumer;

  /** Executes a workflow by the clock, on channel "schedule"; a firing happens once in any number of processes. What was missed while nothing ran is skipped. */
  schedule<W extends Workflow | WorkflowName<R>>(name: string, options: ScheduleOptions<W, Resolve<R, W>>): Off;

  /** Opens the store. First use implies it: emitting, reading, handlers and `execute` then work. @throws STORE_LOCKED · STORE_NEWER · STORE_DAMAGED · STORE_UNAVAILABLE */
  open(): Promise<void>;
  /** Opens, takes up unfinished runs, starts schedules, and listens unless `listen` is false; the first request to `fetch` implies all but listening. @throws PORT_IN_USE · BIND_REFUSED */
  start(options?: {
    readonly host?: string | undefined;
    readonly port?: number | undefined;
    readonly listen?: boolean | undefined;
  }): Promise<{ readonly url?: string }>;
  /** Resolves when all handlers are through what was recorded before the call. */
  settled(): Promise<void>;
  /** Final: drains runs and handlers until `deadlineMs` (default 10_000), closes streams and store. @returns what it left. */
  stop(options?: { readonly deadlineMs?: number }): Promise<{ readonly handlersLeft: number; readonly runsLeft: number }>;
  /** The app at "/", for Bun.serve, Deno.serve and tests. Ignores further arguments. */
  readonly fetch: FetchHandler;
  /** The app under a path of another server, for requests that still carry that path. */
  handler(options?: { readonly basePath?: `/${string}` }): FetchHandler;
}
type One<T> = T extends readonly (infer Item)[] ? Item : T extends undefined ? never : T;
type Picked<O, Key extends string, Otherwise> = O extends { readonly [K in Key]: infer V }
  ? [One<V>] extends [never]
    ? Otherwise
    : One<V>
  : Otherwise;
type NoOthers<O, Shape> = { readonly [Key in Exclude<keyof O, keyof Shape>]: Refused<"no such option"> };
type Inputs = { readonly [key: string]: any } | undefined;

export interface NexusOptions<E = Definitions, W = Definitions, Mode = "open" | "strict"> {
  /** First half of an event's `source`. Default "nexus". */
  readonly name?: string | undefined;
  readonly events?: E | undefined;
  readonly workflows?: W | undefined;
  /** "strict" refuses event types that are not registered. Default "open". */
  readonly eventTypes?: Mode | undefined;
  /** Default `sqliteStore(NEXUS_DB ?? ".nexus/nexus.db")`; nothing is opened before first use. */
  readonly store?: Store | undefined;
  readonly http?:
    | {
        /** Default NEXUS_HOST, else 127.0.0.1. */
        readonly host?: string | undefined;
        /** Default NEXUS_PORT, PORT, else 8000; 0 takes a free one. */
        readonly port?: number | undefined;
        /** Served besides loopback; needed when mounted on a public site. */
        readonly allowedHosts?: readonly string[] | undefined;
        readonly allowedOrigins?: readonly string[] | undefined;
        /** Addresses, or networks as 10.0.0.0/8, of proxies whose `X-Forwarded-For` is believed. */
        readonly trustedProxies?: readonly string[] | undefined;
      }
    | undefined;
  /** How much of the log is kept; default: all of it. The oldest events go first, and none that an unfinished run or a consumer still needs. */
  readonly retention?: RetentionLimits | undefined;
  /** `false`: nothing is served at /mcp. */
  readonly mcp?:
    | false
    | {
        /** Each workflow is also a tool of its own name, with its inputs as the tool's; the first 100 of them. Default false. */
        readonly toolPerWorkflow?: boolean | undefined;
        /** Agents may have events posted to this machine, over http too: for development. Default false. */
        readonly allowLoopback?: boolean | undefined;
      }
    | undefined;
  /** With it, whoever calls from outside must be somebody. */
  readonly auth?:
    | {
        /** Your site's own sign-in. @returns the caller, or `undefined` for 401. */
        readonly authenticate?: Authenticate | undefined;
        /** Tokens of an identity provider: `sub` is the user, and `scope`, `scp` or `permissions` name scopes. */
        readonly jwt?: JwtOptions | undefined;
      }
    | undefined;
  readonly limits?: { readonly [Key in keyof Limits]?: Limits[Key] | undefined } | undefined;
  /**
   * Secrets, recorded as "[redacted]": paths such as `inputs.card`, with `*` for any key or element, or a function that says of each value whether it is one. They begin with
   * `inputs`, `result` (of runs and of steps), `error` or `metadata`.
   */
  readonly redact?: Redact | undefined;
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
}
