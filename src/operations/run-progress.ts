import type { App } from "../app.ts";
import type { NexusEvent } from "../events/event.ts";
import { filterOf } from "../events/event-filter.ts";
import { Tail } from "../log/tail.ts";
import type { LaunchedRun } from "../workflows/launcher.ts";
import type { Progress } from "./operation.ts";

const TELLING = ["workflow.progress", "step.started", "step.retrying", "step.failed"];

/** Tells how far a run is, from its events, until the signal aborts. Only a view: what goes wrong here is logged, and the run's end is told elsewhere. */
export async function tellProgress(app: App, run: LaunchedRun, tell: (of: Progress) => void, signal: AbortSignal): Promise<void> {
  try {
    const { feed } = await app.source();
    const filter = app.access.seen(filterOf({ runId: run.runId, type: TELLING }));
    for await (const batch of new Tail(feed, run.before, signal, filter)) for (const { event } of batch.events) tell(progressOf(event));
  } catch (error) {
    if (!signal.aborted) app.logger.warn({ error, runId: run.runId }, "the progress of a run could not be told");
  }
}

function progressOf({ type, data }: NexusEvent): Progress {
  const { percentage, step } = data as { readonly percentage?: number; readonly step?: string };
  if (type === "workflow.progress")
    return { ...(percentage !== undefined && { percentage }), ...(step !== undefined && { message: step }) };
  return { message: type === "step.started" ? String(step) : `${step}: ${type.slice("step.".length)}` };
}
