import type { Run } from "./api.ts";
import { type Subscription, subscription } from "./delivery/subscription.ts";
import { RUN_ENDS } from "./events/built-in.ts";
import type { Cursor } from "./events/event.ts";
import { filterOf } from "./events/event-filter.ts";
import type { OpenApp } from "./open-app.ts";
import type { LaunchedRun } from "./workflows/launcher.ts";

/**
 * A run as its caller has it.
 *
 * @param cursor the place just before its first event.
 * @param ended aborts when the app has stopped.
 */
export function runHandle(open: OpenApp, run: LaunchedRun, cursor: Cursor, ended: AbortSignal): Run<any, any> {
  const { runId } = run;
  return {
    runId,
    cursor,
    result: async () => {
      const outcome = await run.outcome(ended);
      if (outcome.status === "completed") return outcome.result;
      throw outcome.error;
    },
    events: () =>
      subscription(open, {
        filter: filterOf({ runId }),
        after: cursor,
        signals: [ended],
        until: ({ type }) => RUN_ENDS.includes(type),
      }) as Subscription<any>,
    cancel: (reason) => open.executor.cancel(runId, reason),
  };
}

/**
 * Cancels a run when its caller's signal says so, as long as it goes on.
 *
 * @param ended aborts when the app has stopped. @param failed hears that it could not be cancelled.
 */
export function cancelOnAbort(
  open: OpenApp,
  run: LaunchedRun,
  signal: AbortSignal | undefined,
  ended: AbortSignal,
  failed: (error: unknown) => void,
): void {
  if (signal === undefined || run.ended !== undefined) return;
  const cancel = (): void => {
    open.executor.cancel(run.runId, "its caller gave it up").catch(failed);
  };
  if (signal.aborted) return cancel();
  signal.addEventListener("abort", cancel, { once: true });
  const over = (): void => signal.removeEventListener("abort", cancel);
  run.outcome(ended).then(over, over);
}
