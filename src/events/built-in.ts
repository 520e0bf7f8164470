import type { RunError } from "../errors.ts";
import type { SomeWorkflow, Workflow } from "./definitions.ts";
import type { Channel, Cursor, NexusEvent } from "./event.ts";
import type { JsonObject } from "./json.ts";

/** `data` of the built-in types. Each field can also be read straight off an event the library hands out (getters of its class, not in its JSON). */
export interface BuiltInData<Inputs = JsonObject, Result = unknown> {
  "workflow.queued": { readonly inputs: Inputs; readonly fingerprint?: string };
  /** `fingerprint` tells inputs from others under an idempotency key, where something was redacted. */
  "workflow.started": { readonly inputs: Inputs; readonly version?: string; readonly fingerprint?: string };
  "workflow.progress": { readonly percentage: number; readonly step?: string };
  "workflow.completed": { readonly inputs: Inputs; readonly result: Result; readonly durationMs: number };
  "workflow.failed": {
    readonly inputs: Inputs;
    readonly error: RunError;
    readonly traceback?: string;
    readonly durationMs: number;
    readonly attempt: number;
  };
  "workflow.cancelled": { readonly inputs: Inputs; readonly reason?: string; readonly durationMs: number };
  "workflow.resumed": { readonly attempt: number };
  "workflow.registered": {
    readonly description?: string;
    readonly tags: readonly string[];
    readonly version?: string;
    readonly inputSchema: object;
    readonly resultSchema?: object;
  };
  "workflow.unregistered": {};
  "step.started": StepData & { readonly until?: number };
  "step.completed": StepData & { readonly result?: unknown; readonly durationMs: number };
  "step.failed": StepData & { readonly error: RunError; readonly durationMs: number };
  "step.retrying": StepData & { readonly error: RunError; readonly delayMs: number };
  "session.created": { readonly initialData: JsonObject; readonly ttlMs: number; readonly endsAt: number };
  /** `joined`: the channel that joined, when that is what happened; then there are no changes. */
  "session.updated": { readonly changes: JsonObject; readonly joined?: Channel };
  "session.ended": { readonly reason: "ended" | "expired"; readonly durationMs: number; readonly workflowCount: number };
  "event_type.registered": { readonly name: string; readonly version: number; readonly schema?: object };
  "handler.failed": { readonly eventId: string; readonly error: RunError };
  "consumer.retrying": DeliveryData & { readonly delayMs: number };
  "consumer.dead_lettered": DeliveryData;
  "access.denied": { readonly code: string; readonly count: number; readonly scope?: string; readonly address?: string };
  "key.created": { readonly keyId: string; readonly owner: string; readonly scopes: readonly string[]; readonly expiresAt?: number };
  "key.revoked": { readonly keyId: string; readonly owner: string };
  "consumer.lost": { readonly consumer: string; readonly from: Cursor; readonly to: Cursor; readonly count: number };
}
export interface StepData {
  readonly step: string;
  readonly attempt: number;
}
export interface DeliveryData {
  readonly consumer: string;
  readonly eventId: string;
  readonly attempt: number;
  readonly error: RunError;
}
export type BuiltInType = keyof BuiltInData;

/** A built-in event, of one workflow if given: `WorkflowCompleted<typeof importOrders>`. */
export type BuiltInEvent<Type extends BuiltInType = BuiltInType, W = SomeWorkflow> =
  W extends Workflow<infer Name, infer In, infer Result> ? BuiltIn<Type, NonNullable<In>, Result, Name> : never;
export type WorkflowStarted<W = SomeWorkflow> = BuiltInEvent<"workflow.started", W>;
export type WorkflowCompleted<W = SomeWorkflow> = BuiltInEvent<"workflow.completed", W>;
export type WorkflowFailed<W = SomeWorkflow> = BuiltInEvent<"workflow.failed", W>;

export type BuiltIn<Type, Inputs, Result, Name> = Type extends BuiltInType
  ? NexusEvent<Type, BuiltInData<Inputs, Result>[Type]> & BuiltInData<Inputs, Result>[Type] & Scope<Type, Name>
  : never;
type Scope<Type, Name> = Type extends `workflow.${"registered" | "unregistered"}`
  ? { readonly workflowName: Name }
  : Type extends `workflow.${string}` | `step.${string}`
    ? { readonly workflowName: Name; readonly runId: string }
    : Type extends `session.${string}`
      ? { readonly sessionId: string }
      : unknown;

export type Prefix = { [T in BuiltInType]: T extends `${infer P}.${string}` ? P : never }[BuiltInType];
export type Reserved = `${Prefix | "access" | "key" | "schedule" | "log" | "nexus"}.${string}`;

/** Prefixes that only Nexus records, compared without case. */
export const RESERVED_PREFIXES: readonly string[] = [
  "workflow.",
  "step.",
  "session.",
  "event_type.",
  "handler.",
  "consumer.",
  "access.",
  "key.",
  "schedule.",
  "log.",
  "nexus.",
];

const RESERVED = new Set(RESERVED_PREFIXES);

export function isReserved(type: string): boolean {
  // Each of them ends with the first dot.
  const dot = type.indexOf(".");
  return dot >= 0 && RESERVED.has(type.slice(0, dot + 1).toLowerCase());
}

const RUN_EVENTS = new Set([
  "workflow.queued",
  "workflow.started",
  "workflow.resumed",
  "workflow.progress",
  "workflow.completed",
  "workflow.failed",
  "workflow.cancelled",
]);

/** Whether events of this type stand in the stream of a run. */
export function isRunEvent(type: string): boolean {
  return RUN_EVENTS.has(type) || type.startsWith("step.");
}

/** The stream that an event belongs to, by its type alone: `runs/<id>`, `sessions/<id>` or `app`. */
export function streamOf(event: { readonly type: string; readonly runId?: string; readonly sessionId?: string }): string {
  if (event.runId !== undefined && isRunEvent(event.type)) return `runs/${event.runId}`;
  if (event.sessionId !== undefined && event.type.startsWith("session.")) return `sessions/${event.sessionId}`;
  return "app";
}

/** The types that end a run. */
export const RUN_ENDS: readonly string[] = ["workflow.completed", "workflow.failed", "workflow.cancelled"] satisfies readonly BuiltInType[];

/** The types that say where a run stands: not how far it is, nor its steps. */
export const RUN_LIFE: readonly string[] = ["workflow.queued", "workflow.started", "workflow.resumed", ...RUN_ENDS];
