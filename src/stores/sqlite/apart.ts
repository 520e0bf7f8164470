import { availableParallelism } from "node:os";
import type { Apart } from "./commit-queue.ts";
import type { LogEnds } from "./log-ends.ts";
import type { Tuning } from "./tuning.ts";
import type { Writer } from "./writer.ts";

/** So many calls at most are written at once: while they are, the next are made. */
const MOST = 256;

/** What is added to the log, written by another thread. */
export function apartOf(ends: LogEnds, writer: Writer, { apartFrom }: Tuning): Apart {
  // With one processor threads only take turns.
  const size = availableParallelism() > 1 ? { least: apartFrom, most: Math.max(MOST, apartFrom) } : undefined;
  return {
    size: (waiting) => (size !== undefined && waiting >= size.least && writer.ready ? size : undefined),
    begin: () => ends.beginApart(),
    write: async () => {
      const addition = ends.addition();
      const outcome = await writer.write(addition);
      if (outcome === "lost") ends.lost();
      if (outcome === "refused" || (outcome === "lost" && !ends.isThere(addition))) return false;
      ends.committedApart(outcome === "indexed");
      return true;
    },
  };
}
