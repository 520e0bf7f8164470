import { NexusError, type RunError } from "../errors.ts";
import { RUN_ENDS } from "../events/built-in.ts";
import type { Cursor, NexusEvent } from "../events/event.ts";
import type { Ask } from "./asking.ts";
import type { Link } from "./link.ts";
import { type RemoteSubscription, remoteSubscription } from "./reader.ts";
import type { RunAnswer } from "./remote.ts";

/** A run as its caller has it. */
export interface RemoteRun {
  readonly runId: string;
  readonly cursor: Cursor;
  /** Waits as long as it takes, across lost connections and restarts of the server. @throws WORKFLOW_FAILED · RUN_CANCELLED */
  result(): Promise<unknown>;
  events(): RemoteSubscription;
  cancel(reason?: string): Promise<void>;
}

/** How a run ended: what its last event has in `data`, and its record too. */
interface End {
  readonly type: string;
  readonly result?: unknown;
  readonly error?: RunError;
  readonly reason?: string;
}

export interface RunParts {
  readonly ask: Ask;
  readonly link: Link;
  readonly ended: AbortSignal;
}

/** @param cursor the place just before its first event. */
export function remoteRun({ ask, link, ended }: RunParts, runId: string, cursor: Cursor): RemoteRun {
  let end: Promise<End> | undefined;
  const path = `runs/${encodeURIComponent(runId)}`;
  const followed = async (): Promise<End> => {
    for (let after = cursor; ; ) {
      try {
        const filter = { runId, type: RUN_ENDS };
        for await (const event of remoteSubscription(link, { filter, after, signals: [ended], known: true }))
          return { ...(event.data as object), type: event.type };
        throw ended.reason;
      } catch (error) {
        if (!NexusError.is(error, "CURSOR_EXPIRED") && !NexusError.is(error, "CURSOR_UNKNOWN")) throw error;
        // Its end may be among what is gone.
        const record = await ask<RunAnswer>("GET", path, { again: true });
        if (RUN_ENDS.includes(`workflow.${record.status}`)) return { ...record, type: `workflow.${record.status}` };
        after = record.cursor;
      }
    }
  };
  return {
    runId,
    cursor,
    result: async () => {
      end ??= followed();
      return resultOf(await end, runId, cursor);
    },
    events: () =>
      remoteSubscription(link, {
        filter: { runId },
        after: cursor,
        signals: [ended],
        until: ({ type }: NexusEvent) => RUN_ENDS.includes(type),
        known: true,
      }),
    cancel: async (reason) => {
      await ask("POST", `${path}/cancel`, { body: { reason }, again: true });
    },
  };
}

/** @throws what the server's own `execute` answers with. */
function resultOf({ type, result, error, reason }: End, runId: string, cursor: Cursor): unknown {
  if (type === "workflow.completed") return result;
  if (type === "workflow.cancelled") throw new NexusError("RUN_CANCELLED", { runId, ...(reason !== undefined && { reason }), cursor });
  const { stack: _stack, ...told } = error ?? { name: "Error", message: "" };
  throw new NexusError("WORKFLOW_FAILED", { runId, cursor, error: told }, { detail: `The workflow failed: ${told.message}` });
}
