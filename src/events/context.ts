import type { AsyncLocalStorage } from "node:async_hooks";
import { activeTraceparent, inTrace } from "../observability/trace.ts";
import type { Channel, NewEvent, NexusEvent } from "./event.ts";
import type { Caller } from "./principal.ts";

/** What surrounds a call: whatever is recorded within it inherits these. Carried by AsyncLocalStorage, one for each app. */
export interface Context {
  readonly channel: Channel;
  readonly userId?: string | undefined;
  /** Who calls from outside, once there are credentials. Absent in process, and as long as there are none: then everything is allowed. */
  readonly principal?: Caller | undefined;
  readonly sessionId?: string | undefined;
  readonly workflowName?: string | undefined;
  readonly runId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Id of the event that led here. */
  readonly causationId?: string | undefined;
  readonly traceparent?: string | undefined;
  /** Inside a run: gives each emitted event its id, so that code which runs again records nothing twice. */
  readonly emissions?: Emissions;
}

/** Calls with a context around it, and as part of its trace. */
export function within<T>(contexts: AsyncLocalStorage<Context>, context: Context, call: () => T): T {
  return contexts.run(context, () => inTrace(context.traceparent, call));
}

/** What surrounds the present call. A span that is active in it is nearer than the one that led to it. */
export function surrounding(contexts: AsyncLocalStorage<Context>): Context | undefined {
  const around = contexts.getStore();
  const traceparent = activeTraceparent();
  return traceparent === undefined || traceparent === around?.traceparent ? around : { channel: "app", ...around, traceparent };
}

type Inherited = "userId" | "sessionId" | "workflowName" | "runId" | "correlationId" | "causationId" | "traceparent";

/** What an event inherits, as it stands in its envelope: what has no value is absent. */
export function inherited(from: { readonly [Field in Inherited]?: string | undefined }): Pick<NewEvent, Inherited> {
  const { userId, sessionId, workflowName, runId, correlationId, causationId, traceparent } = from;
  const into: { -readonly [Field in Inherited]?: string } = {};
  if (sessionId !== undefined) into.sessionId = sessionId;
  if (userId !== undefined) into.userId = userId;
  if (workflowName !== undefined) into.workflowName = workflowName;
  if (runId !== undefined) into.runId = runId;
  if (correlationId !== undefined) into.correlationId = correlationId;
  if (causationId !== undefined) into.causationId = causationId;
  if (traceparent !== undefined) into.traceparent = traceparent;
  return into;
}

/** What is recorded because of an event inherits from it. */
export function contextOf(event: NexusEvent): Context {
  const { channel, userId, sessionId, workflowName, runId, correlationId, traceparent } = event;
  return { channel, userId, sessionId, workflowName, runId, correlationId, causationId: event.id, traceparent };
}

export interface Emissions {
  /** @throws why nothing more may be recorded for the run. */
  check(): void;
  /** @returns the id of the next event emitted here, and where it was recorded if an earlier pass did so. */
  next(): { readonly id: string; readonly recorded?: { readonly sequence: number; readonly timestamp: number } };
  /** Appends until the store answers: a run is not to fail because its disk was full for a while. */
  kept<T>(append: () => Promise<T>): Promise<T>;
}
