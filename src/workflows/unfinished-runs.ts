import { NexusError } from "../errors.ts";
import { Feed } from "../log/feed.ts";
import type { OpenStore } from "../log/store.ts";
import { consoleLogger } from "../observability/logger.ts";
import { OpenRuns } from "./open-runs.ts";

/** A run that goes on when its log is opened by an app. */
export interface UnfinishedRun {
  readonly runId: string;
  readonly workflowName: string;
}

/** The runs of a store that nobody serves that have begun and not ended, oldest first. @throws what keeps its log from being read */
export async function unfinishedRuns({ log, state }: OpenStore): Promise<readonly UnfinishedRun[]> {
  const head = await log.head();
  // What keeps the log from being read, the fold throws.
  const feed = new Feed(log, head, () => new Promise(() => {}));
  try {
    const runs = await OpenRuns.open({ log, feed, state, logger: consoleLogger, heard: () => {} });
    await runs.close();
    const begun = [...runs.begunBefore(head.sequence)].sort((a, b) => a.position - b.position);
    return await Promise.all(
      begun.map(async ({ runId, position }) => {
        const { events } = await log.read({ after: position, limit: 1 });
        return { runId, workflowName: events[0]?.workflowName ?? "" };
      }),
    );
  } finally {
    await feed.close(new NexusError("APP_STOPPED", {}));
  }
}
