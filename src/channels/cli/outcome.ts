import type { RunAnswer } from "../../client/remote.ts";
import { NexusError, type RunError } from "../../errors.ts";
import type { Cursor, NexusEvent } from "../../events/event.ts";
import type { JsonObject } from "../../events/json.ts";

/** How a run ended. */
export type Outcome =
  | { readonly status: "completed"; readonly result?: unknown; readonly durationMs: number }
  | { readonly status: "failed"; readonly error: RunError; readonly durationMs: number }
  | { readonly status: "cancelled"; readonly reason?: string; readonly durationMs: number };

/** The end that this event is for the run, if it is one. */
export function outcomeIn(event: NexusEvent, runId: string): Outcome | undefined {
  if (event.runId !== runId) return undefined;
  const status = /^workflow\.(completed|failed|cancelled)$/.exec(event.type)?.[1];
  return status === undefined ? undefined : ({ ...(event.data as JsonObject), status } as unknown as Outcome);
}

/** The end that the run's record tells of, if it has ended. */
export function outcomeOf(record: RunAnswer): Outcome | undefined {
  const { status, result, error, reason, durationMs = 0 } = record;
  if (status === "completed") return { status, ...(result !== undefined && { result }), durationMs };
  if (status === "failed") return { status, error: error ?? { name: "Error", message: "" }, durationMs };
  return status === "cancelled" ? { status, ...(reason !== undefined && { reason }), durationMs } : undefined;
}

/** What the server's `execute` answers for this end. @throws the error it answers with. */
export function answerOf(outcome: Outcome, runId: string, cursor: Cursor): object {
  if (outcome.status === "completed")
    return { runId, status: outcome.status, result: outcome.result, durationMs: outcome.durationMs, cursor };
  if (outcome.status === "failed") {
    const { error } = outcome;
    throw new NexusError("WORKFLOW_FAILED", { runId, cursor, error }, { detail: `The workflow failed: ${error.message}` });
  }
  throw new NexusError("RUN_CANCELLED", { runId, ...(outcome.reason !== undefined && { reason: outcome.reason }), cursor });
}
