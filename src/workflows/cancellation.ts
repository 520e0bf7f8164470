import { NexusError } from "../errors.ts";
import { runErrorOf } from "../events/limits.ts";
import type { LiveRun } from "./live-run.ts";
import { outcomeOf } from "./outcome.ts";
import type { RunState } from "./run.ts";
import { endOf, runEvent } from "./run-event.ts";
import type { RunServices } from "./services.ts";

function cancelled(services: RunServices, state: RunState, reason: string | undefined): object {
  return { ...endOf(services, state), ...(reason !== undefined && { reason }) };
}

/** Cancels a run that this process owns. @returns false when it had ended or left already. */
export async function cancelLive(run: LiveRun, reason: string | undefined): Promise<boolean> {
  if (run.stream.closed) return false;
  run.progress.flush();
  try {
    await run.stream.end(run.event("workflow.cancelled", cancelled(run.services, run.state, reason)));
  } catch (error) {
    if (NexusError.is(error, "RUN_LOST")) return false;
    run.leave(NexusError.is(error) ? error : new NexusError("INTERNAL", {}, { cause: error }));
    throw error;
  }
  const outcome = await outcomeOf(run.services, run.state);
  if (outcome.status !== "completed") run.abort(outcome.error);
  run.finish(outcome);
  return true;
}

/** Cancels a run that no code here executes. @throws STREAM_CONFLICT when it went on in between: look again. */
export async function cancelStored(services: RunServices, state: RunState, reason: string | undefined): Promise<void> {
  const event = runEvent(services, state, "workflow.cancelled", cancelled(services, state, reason));
  await services.recorder.append(event, { expect: state.lastId });
}

/** Fails a run that no code here executes. @throws STREAM_CONFLICT when it went on in between: look again. */
export async function failStored(services: RunServices, state: RunState, error: NexusError): Promise<void> {
  const data = { ...endOf(services, state), error: runErrorOf(error), attempt: state.attempt };
  await services.recorder.append(runEvent(services, state, "workflow.failed", data), { expect: state.lastId });
}

/** The runs that a run was executing. */
export function childrenOf(state: RunState): readonly string[] {
  return [...state.steps.values()]
    .filter((step) => step.state === "open")
    .flatMap(({ childRunId }) => (childRunId === undefined ? [] : [childRunId]));
}
