import { availableParallelism } from "node:os";
import type { Apart } from "./commit-queue.ts";
import type { LogEnds } from "./log-ends.ts";
import type { Tuning } from "./tuning.ts";
import type { Writer } from "./writer.ts";

/** So many calls at most are written at once: while they are, the next are made. */
const MOST = 256;
/** Once it has begun it goes on with a part of what it takes to begin: each change of the connection that writes empties the other's cache. */
const GOES_ON = 1 / 4;

/** What is added to the log, written by another thread. */
export function apartOf(ends: LogEnds, writer: Writer, { apartFrom }: Tuning): Apart {
  // With one processor threads only take turns.
  const canBe = availableParallelism() > 1;
  const most = Math.max(MOST, apartFrom);
  let goesOn = false;
  return {
    size: (waiting) => {
      const least = Math.ceil(goesOn ? apartFrom * GOES_ON : apartFrom);
      goesOn = canBe && waiting >= least && writer.ready;
      return goesOn ? { least, most } : undefined;
    },
    begin: () => ends.beginApart(),
    write: async () => {
      const addition = ends.addition();
      const outcome = await writer.write(addition);
      if (outcome === "refused") {
        ends.lost();
        return false;
      }
      if (outcome === "lost" && !ends.isThere(addition)) return false;
      ends.committedApart(outcome === "indexed");
      return true;
    },
  };
}
