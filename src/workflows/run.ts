import type { RunError } from "../errors.ts";
import type { Channel, StoredEvent } from "../events/event.ts";
import type { JsonObject } from "../events/json.ts";

export type RunStatus = "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";

/** A sleep or a wait: it ends by itself, without the run's code. */
export interface Waiting {
  /** Milliseconds since the epoch; none for a wait without end. */
  readonly until?: number;
  readonly filter?: JsonObject;
  readonly match?: JsonObject;
  /** The sequence to look from. */
  readonly after?: number;
}

export interface StepState {
  /** "interrupted": its process ended while it was under way. */
  readonly state: "open" | "interrupted" | "retrying" | "completed" | "failed";
  readonly attempts: number;
  /** How often its process ended while it was under way. */
  readonly interruptions: number;
  readonly startedAt: number;
  /** Id of the event that began its latest try. */
  readonly startedBy: string;
  readonly durationMs?: number;
  readonly result?: unknown;
  /** The result is kept in State; so many bytes of JSON. */
  readonly resultBytes?: number;
  readonly error?: RunError;
  /** When the next try is due. */
  readonly retryAt?: number;
  /** How long it waits for that. */
  readonly retryDelayMs?: number;
  readonly waiting?: Waiting;
  /** The step is another run. */
  readonly childRunId?: string;
}

/** What a run's events say of it. */
export interface RunState {
  readonly runId: string;
  readonly workflowName: string;
  readonly channel: Channel;
  readonly sessionId?: string | undefined;
  readonly userId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly traceparent?: string | undefined;
  readonly metadata?: JsonObject | undefined;
  /** As they are recorded: what is redacted is not among them. */
  readonly inputs: JsonObject;
  /** Tells the inputs from others, where they are recorded without what is redacted. */
  readonly fingerprint?: string | undefined;
  version?: string | undefined;
  status: RunStatus;
  /** Sequence of its first event. */
  readonly first: number;
  /** When it was recorded, until it started: then when it started. */
  startedAt: number;
  started: boolean;
  attempt: number;
  /** How often it was taken up since the last event of a step. */
  vain: number;
  /** `source` of the process that recorded the latest claim. */
  owner: string;
  /** Id of that claim. */
  claim: string;
  readonly steps: Map<string, StepState>;
  /** Custom events recorded inside it, by id. */
  readonly emitted: Map<string, { readonly sequence: number; readonly timestamp: number }>;
  /** The last event of its stream: id and sequence. */
  lastId: string;
  lastSequence: number;
  progress?: number;
  result?: unknown;
  error?: RunError;
  reason?: string;
  durationMs?: number;
}

export function hasEnded(state: Pick<RunState, "status">): boolean {
  return state.status === "completed" || state.status === "failed" || state.status === "cancelled";
}

/** Whether nothing of the run can go on but its sleeps, its waits, and the runs it executes. */
export function onlyWaits(state: RunState): boolean {
  let waits = 0;
  for (const step of state.steps.values()) {
    if (step.state === "completed" || step.state === "failed") continue;
    if (step.waiting === undefined && step.childRunId === undefined) return false;
    waits += 1;
  }
  return waits > 0;
}

/**
 * Takes one more event of a run into what is known of it; the first is `workflow.queued` or `workflow.started`.
 *
 * @returns the state, changed in place; `undefined` as long as no first event has come.
 */
export function foldRun(state: RunState | undefined, event: StoredEvent): RunState | undefined {
  if (state === undefined) return event.type === "workflow.queued" || event.type === "workflow.started" ? begin(event) : undefined;
  if (event.type.startsWith("workflow.")) foldWorkflow(state, event);
  else if (event.type.startsWith("step.")) foldStep(state, event);
  else {
    state.emitted.set(event.id, { sequence: event.sequence, timestamp: event.timestamp });
    return state;
  }
  state.lastId = event.id;
  state.lastSequence = event.sequence;
  return state;
}

/** What the end of a run says of it, where the log has forgotten its beginning: what it was given, and what became of it. */
export function stateAtEnd(end: StoredEvent): RunState {
  return begin(end);
}

function begin(event: StoredEvent): RunState {
  const { inputs, fingerprint } = event.data as { inputs: JsonObject; fingerprint?: string };
  const state: RunState = {
    runId: event.runId as string,
    workflowName: event.workflowName as string,
    channel: event.channel,
    sessionId: event.sessionId,
    userId: event.userId,
    correlationId: event.correlationId,
    traceparent: event.traceparent,
    metadata: event.metadata,
    inputs,
    fingerprint,
    status: "queued",
    first: event.sequence,
    startedAt: event.timestamp,
    started: false,
    attempt: 0,
    vain: 0,
    owner: event.source,
    claim: event.id,
    steps: new Map(),
    emitted: new Map(),
    lastId: event.id,
    lastSequence: event.sequence,
  };
  foldWorkflow(state, event);
  return state;
}

function foldWorkflow(state: RunState, event: StoredEvent): void {
  const data = event.data as {
    version?: string;
    attempt?: number;
    percentage?: number;
    result?: unknown;
    error?: RunError;
    reason?: string;
    durationMs?: number;
  };
  switch (event.type) {
    case "workflow.started":
      state.status = "running";
      state.started = true;
      state.startedAt = event.timestamp;
      state.attempt = 1;
      state.version = data.version;
      claimed(state, event);
      break;
    case "workflow.resumed":
      state.status = "running";
      state.attempt = data.attempt ?? state.attempt + 1;
      state.vain += 1;
      interrupt(state);
      claimed(state, event);
      break;
    case "workflow.progress":
      if (data.percentage !== undefined) state.progress = data.percentage;
      break;
    case "workflow.completed":
      state.status = "completed";
      if (data.result !== undefined) state.result = data.result;
      state.durationMs = data.durationMs ?? 0;
      break;
    case "workflow.failed":
      state.status = "failed";
      if (data.error !== undefined) state.error = data.error;
      state.durationMs = data.durationMs ?? 0;
      break;
    case "workflow.cancelled":
      state.status = "cancelled";
      if (data.reason !== undefined) state.reason = data.reason;
      state.durationMs = data.durationMs ?? 0;
      break;
  }
}

function claimed(state: RunState, event: StoredEvent): void {
  state.owner = event.source;
  state.claim = event.id;
}

function interrupt(state: RunState): void {
  for (const [key, step] of state.steps) {
    if (step.state !== "open" || step.waiting !== undefined || step.childRunId !== undefined) continue;
    state.steps.set(key, { ...step, state: "interrupted", interruptions: step.interruptions + 1 });
  }
}

interface StepEventData extends Waiting {
  readonly step: string;
  readonly attempt: number;
  readonly result?: unknown;
  readonly resultBytes?: number;
  readonly error?: RunError;
  readonly durationMs?: number;
  readonly delayMs?: number;
  readonly childRunId?: string;
}

function foldStep(state: RunState, event: StoredEvent): void {
  const data = event.data as StepEventData;
  const known = state.steps.get(data.step);
  state.vain = 0;
  state.steps.set(data.step, {
    state: STATES[event.type] ?? "open",
    attempts: data.attempt,
    interruptions: known?.interruptions ?? 0,
    startedAt: event.type === "step.started" || known === undefined ? event.timestamp : known.startedAt,
    startedBy: event.type === "step.started" || known === undefined ? event.id : known.startedBy,
    ...(data.durationMs !== undefined && { durationMs: data.durationMs }),
    ...(data.result !== undefined && { result: data.result }),
    ...(data.resultBytes !== undefined && { resultBytes: data.resultBytes }),
    ...(data.error !== undefined && { error: data.error }),
    ...(data.delayMs !== undefined && { retryAt: event.timestamp + data.delayMs, retryDelayMs: data.delayMs }),
    ...waitingOf(data, known),
  });
}

function waitingOf(data: StepEventData, known: StepState | undefined): Pick<StepState, "waiting" | "childRunId"> {
  const { until, filter, match, after, childRunId } = data;
  if (childRunId !== undefined) return { childRunId };
  if (until === undefined && filter === undefined) {
    return {
      ...(known?.waiting !== undefined && { waiting: known.waiting }),
      ...(known?.childRunId !== undefined && { childRunId: known.childRunId }),
    };
  }
  return {
    waiting: {
      ...(until !== undefined && { until }),
      ...(filter !== undefined && { filter }),
      ...(match !== undefined && { match }),
      ...(after !== undefined && { after }),
    },
  };
}

const STATES: Readonly<Record<string, StepState["state"]>> = {
  "step.started": "open",
  "step.retrying": "retrying",
  "step.completed": "completed",
  "step.failed": "failed",
};
