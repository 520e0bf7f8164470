import { Child } from "../child.ts";
import { percentile, shown } from "../numbers.ts";
import { atMostTimes, type Contestant, type Part, type Settings } from "../part.ts";
import type { LargeLog } from "./large-logs.ts";

const STARTS = 5;
const EMPTY = "Nexus, an empty log";

/** How long a server takes until it listens; the log was closed properly before. */
export function startsPart(events: number): Part {
  const bars = { [EMPTY]: atMostTimes(1.2) };
  return {
    title: "Start: until a server listens, on a log that was closed",
    measures: [
      { key: "process", title: "from the start of its process, p50 ms", better: "less", bars },
      { key: "start", title: "of that app.start(), p50 ms", better: "less", bars },
    ],
    ours: contestant(`Nexus, ${shown(events)} events`, ({ logs }) => logs.log(events)),
    peers: [contestant(EMPTY, ({ logs }) => logs.empty())],
  };
}

function contestant(name: string, logOf: (settings: Settings) => Promise<LargeLog>): Contestant {
  return {
    name,
    keeps: "fsync",
    round: async (settings) => {
      const log = await logOf(settings);
      const process: number[] = [];
      const start: number[] = [];
      while (start.length < STARTS) {
        await using server = new Child(new URL("./server.ts", import.meta.url), log);
        const { ms, startMs } = await server.next("listening");
        process.push(Number(ms));
        start.push(Number(startMs));
        server.tell({ kind: "stop" });
        await server.next("stopped");
      }
      return { process: percentile(process, 50), start: percentile(start, 50) };
    },
  };
}
