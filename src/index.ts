export type {
  EventQuery,
  FetchHandler,
  HandlerFilter,
  NexusApi,
  NexusOptions,
  Off,
  On,
  Page,
  Run,
  SubscribeOptions,
} from "./api.ts";
export type { ConsumerOptions } from "./delivery/consumer-options.ts";
export type { Totals } from "./delivery/consumer-state.ts";
export type { ConsumerStatus, Retrying } from "./delivery/consumer-status.ts";
export type { ConsumerHandle as Consumer } from "./delivery/consumers.ts";
export type { Handler, HandlerContext } from "./delivery/handlers.ts";
export type { RetryPolicy } from "./delivery/retry.ts";
export { EventRouter } from "./delivery/router.ts";
export type { After, Subscription } from "./delivery/subscription.ts";
export { type ErrorCode, type ErrorDetails, FatalError, type Fault, NexusError, RetryAfter, type RunError } from "./errors.ts";
export type {
  BuiltInData,
  BuiltInEvent,
  BuiltInType,
  DeliveryData,
  StepData,
  WorkflowCompleted,
  WorkflowFailed,
  WorkflowStarted,
} from "./events/built-in.ts";
export type { Definitions, EventDefinition, EventOf, Refused, SomeWorkflow, Workflow } from "./events/definitions.ts";
export type { EmitOptions, Emitter, Receipt } from "./events/emitter.ts";
export type { Channel, Cursor, NexusEvent, Visibility } from "./events/event.ts";
export type { EventFilter } from "./events/event-filter.ts";
export { defineEvent, type EventTypeOptions } from "./events/event-type.ts";
export type { Fields } from "./events/fields.ts";
export type { JsonObject, JsonValue } from "./events/json.ts";
export { jsonSchema } from "./events/json-schema.ts";
export type { Principal } from "./events/principal.ts";
export type { EventFor, OpenRegistry, Registry, RegistryOf, UndeclaredEvent } from "./events/registry.ts";
export type { Schema, SchemaInput, SchemaOutput } from "./events/schema.ts";
export type { RetentionLimits } from "./log/retention.ts";
export type { OpenStore, Store, StoreSetup } from "./log/store.ts";
export { Nexus } from "./nexus.ts";
export type { Clock } from "./observability/clock.ts";
export type { Logger } from "./observability/logger.ts";
export type { Session, SessionOptions, SessionPage, SessionQuery, Sessions } from "./sessions/api.ts";
export type { Deliver, Delivery, Sink } from "./sinks/sink.ts";
export { memoryStore } from "./stores/memory/store.ts";
export { sqliteStore } from "./stores/sqlite/store.ts";
export { type Connection, type Graph, type NodeConfig, WorkflowBuilder } from "./workflows/builder.ts";
export type { RunContext, RunOptions, WaitOptions } from "./workflows/context.ts";
export type { Redact } from "./workflows/redaction.ts";
export type { RunStatus } from "./workflows/run.ts";
export type { RunPage, RunQuery, RunRecord, StepRecord } from "./workflows/runs.ts";
export type { ScheduleOptions } from "./workflows/schedule.ts";
export type { StepContext, StepOptions } from "./workflows/steps.ts";
export { defineWorkflow, type WorkflowOptions } from "./workflows/workflow.ts";
