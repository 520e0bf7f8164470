import { NexusError } from "../errors.ts";
import { cursorOf } from "../log/cursor.ts";
import type { RunState } from "./run.ts";
import type { RunServices } from "./services.ts";

/** How a run ended, or that it left this process. */
export type Outcome =
  | { readonly status: "completed"; readonly result: unknown; readonly durationMs: number }
  | { readonly status: "failed" | "cancelled"; readonly error: NexusError }
  /** It goes on elsewhere, or at the next start. */
  | { readonly status: "left"; readonly error: NexusError };

/** How an ended run ended. */
export async function outcomeOf(services: RunServices, state: RunState): Promise<Outcome> {
  const { runId, reason } = state;
  if (state.status === "completed") return { status: "completed", result: state.result, durationMs: state.durationMs ?? 0 };
  // An outcome that is recorded is told, also while the log cannot be read: then the cursor lacks its check.
  const cursor = await services.feed.cursorAt(state.first - 1).catch(() => cursorOf(services.feed.epoch, state.first - 1));
  if (state.status === "cancelled") {
    return { status: "cancelled", error: new NexusError("RUN_CANCELLED", { runId, ...(reason !== undefined && { reason }), cursor }) };
  }
  const error = state.error ?? { name: "Error", message: "" };
  return {
    status: "failed",
    error: new NexusError("WORKFLOW_FAILED", { runId, cursor, error }, { detail: `The workflow failed: ${error.message}` }),
  };
}
