import type { Channel, StoredEvent } from "../events/event.ts";
import type { JsonObject } from "../events/json.ts";
import type { Session } from "./api.ts";
import { mergePatch } from "./merge-patch.ts";

/** What a session's events, and the first ones of its runs, say of it. Plain JSON: it is kept as it is. */
export interface SessionState {
  readonly id: string;
  readonly userId?: string;
  readonly data: JsonObject;
  readonly metadata?: JsonObject;
  readonly channels: readonly Channel[];
  readonly createdAt: number;
  readonly ttlMs: number;
  /** As far as events tell: what is recorded in a session moves it on. */
  readonly endsAt: number;
  readonly workflowCount: number;
  /** Runs that were queued and have not started: their start counts no second time. */
  readonly queued: readonly string[];
  readonly ended?: "ended" | "expired";
  /** Sequence of its first event. */
  readonly first: number;
  /** Id of the last event of its stream. */
  readonly lastId: string;
}

interface SessionEventData {
  readonly initialData: JsonObject;
  readonly ttlMs: number;
  readonly endsAt: number;
  readonly changes: JsonObject;
  readonly joined?: Channel;
  readonly reason: "ended" | "expired";
  readonly durationMs: number;
}

/**
 * Takes one more event into what is known of a session: one of its stream, or one in the life of a run that belongs to it.
 *
 * @returns the new state; `undefined` as long as no `session.created` has come.
 */
export function foldSession(state: SessionState | undefined, event: StoredEvent): SessionState | undefined {
  if (event.type === "session.created") return state ?? created(event);
  if (state === undefined || state.ended !== undefined) return state;
  if (!event.type.startsWith("session.")) return withRun(state, event);
  const { changes, joined, reason, durationMs } = event.data as SessionEventData;
  const next = { ...state, lastId: event.id };
  if (event.type === "session.ended") return { ...next, ended: reason, endsAt: state.createdAt + durationMs };
  return {
    ...next,
    data: mergePatch(state.data, changes),
    ...(joined !== undefined && !state.channels.includes(joined) && { channels: [...state.channels, joined] }),
    endsAt: Math.max(state.endsAt, event.timestamp + state.ttlMs),
  };
}

function created(event: StoredEvent): SessionState {
  const { initialData, ttlMs, endsAt } = event.data as SessionEventData;
  return {
    id: event.sessionId as string,
    ...(event.userId !== undefined && { userId: event.userId }),
    data: initialData,
    ...(event.metadata !== undefined && { metadata: event.metadata }),
    channels: [event.channel],
    createdAt: event.timestamp,
    ttlMs,
    endsAt,
    workflowCount: 0,
    queued: [],
    first: event.sequence,
    lastId: event.id,
  };
}

function withRun(state: SessionState, { type, runId, timestamp }: StoredEvent): SessionState {
  if (runId === undefined) return state;
  const others = state.queued.filter((queued) => queued !== runId);
  const queued = type === "workflow.queued" ? [...others, runId] : others;
  if (type !== "workflow.queued" && type !== "workflow.started") return { ...state, queued };
  return {
    ...state,
    queued,
    workflowCount: state.workflowCount + (state.queued.includes(runId) ? 0 : 1),
    endsAt: Math.max(state.endsAt, timestamp + state.ttlMs),
  };
}

/** A session as it is shown, but for the place it is true for. @param endsAt also as calls that recorded nothing have moved it. */
export function sessionRecord(state: SessionState, endsAt: number): Omit<Session, "cursor"> {
  const { id, userId, data, metadata, channels, createdAt, workflowCount, ended } = state;
  return {
    id,
    ...(userId !== undefined && { userId }),
    data,
    ...(metadata !== undefined && { metadata }),
    channels,
    createdAt,
    endsAt: ended === undefined ? endsAt : state.endsAt,
    workflowCount,
    ...(ended !== undefined && { ended }),
  };
}
