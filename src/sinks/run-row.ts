import type { BuiltInData } from "../events/built-in.ts";
import type { NexusEvent } from "../events/event.ts";

/** The columns of a table of runs, and what each holds. */
export const COLUMNS = [
  "workflow_name",
  "workflow_id",
  "session_id",
  "channel",
  "user_id",
  "timestamp",
  "inputs",
  "status",
  "duration",
  "result",
  "error",
] as const;
export type Column = (typeof COLUMNS)[number];
export type Row = Readonly<Record<Column, string | number | null>>;

type Ends = BuiltInData["workflow.completed"] & BuiltInData["workflow.failed"] & BuiltInData["workflow.cancelled"];

/**
 * What an event says of its run, as a whole row; `undefined` for an event that says nothing a row has.
 *
 * `timestamp` is when it started, RFC 3339 in UTC; `duration` is in seconds; `inputs`, `result` and `error` are JSON.
 */
export function rowOf(event: NexusEvent): Row | undefined {
  const status = STATUS[event.type];
  const { workflowName, runId, sessionId = null, channel, userId = null, timestamp } = event;
  if (status === undefined || workflowName === undefined || runId === undefined) return undefined;
  const { inputs, durationMs, result, error, reason } = event.data as Partial<Ends>;
  return {
    workflow_name: workflowName,
    workflow_id: runId,
    session_id: sessionId,
    channel,
    user_id: userId,
    timestamp: new Date(timestamp - (durationMs ?? 0)).toISOString(),
    inputs: json(inputs),
    status,
    duration: durationMs === undefined ? null : durationMs / 1_000,
    result: json(result),
    error: json(error ?? (reason === undefined ? undefined : { name: "RunCancelled", message: reason })),
  };
}

const STATUS: Readonly<Record<string, string>> = {
  "workflow.queued": "queued",
  "workflow.started": "running",
  "workflow.completed": "completed",
  "workflow.failed": "failed",
  "workflow.cancelled": "cancelled",
};

function json(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
