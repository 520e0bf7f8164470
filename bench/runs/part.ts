import { Child } from "../child.ts";
import type { Contestant, Part } from "../part.ts";
import { fileIn } from "../round-file.ts";
import { postgresDatabase } from "../services/postgres.ts";
import { redisIn } from "../services/redis.ts";

/** What a process of this part is started with. */
export interface RunsJob {
  readonly file: string;
  readonly ms: number;
  /** Of the peer's server. */
  readonly port: number;
  readonly database: string;
}

type Needs = (folder: string) => Promise<{ readonly port?: number; readonly url?: string } & AsyncDisposable>;

const BY_HAND = "better-sqlite3 by hand, same rows";
const DBOS = "DBOS on PostgreSQL";
const BULLMQ = "BullMQ on Redis, fsync every second";
const BULLMQ_KEPT = "BullMQ on Redis, fsync always";

/** Runs whose steps do nothing: what is left is what makes them survive. */
export const runsPart: Part = {
  title: "Runs: from the call to the result; every step kept before the next (by hand: the rows of such a run in as many commits)",
  measures: [
    { key: "oneStepP50", title: "one-step run, p50 ms", better: "less", bars: { [BULLMQ]: 1 } },
    { key: "oneStepP99", title: "one-step run, p99 ms", better: "less" },
    { key: "tenStepP50", title: "ten-step run, p50 ms", better: "less", bars: { [DBOS]: 3 } },
    { key: "tenStepP99", title: "ten-step run, p99 ms", better: "less" },
    { key: "oneStepPerSecond", title: "one-step runs a second, 32 in flight", better: "more", bars: { [DBOS]: 8 } },
    { key: "tenStepPerSecond", title: "ten-step runs a second, 32 in flight", better: "more", bars: { [DBOS]: 8 } },
  ],
  ours: contestant("Nexus execute", "fsync", new URL("./nexus.ts", import.meta.url)),
  peers: [
    contestant(BY_HAND, "fsync", new URL("./by-hand.ts", import.meta.url)),
    contestant(DBOS, "fsync", new URL("./dbos.ts", import.meta.url), postgresDatabase),
    contestant(BULLMQ, "written", new URL("./bullmq.ts", import.meta.url), (folder) => redisIn(folder, "written")),
    contestant(BULLMQ_KEPT, "fsync", new URL("./bullmq.ts", import.meta.url), (folder) => redisIn(folder, "fsync")),
  ],
};

function contestant(name: string, keeps: Contestant["keeps"], module: URL, needs?: Needs): Contestant {
  return {
    name,
    keeps,
    round: async ({ ms, folder }) => {
      await using file = await fileIn(folder);
      await using needed = await needs?.(folder);
      const options: RunsJob = { file: file.path, ms, port: needed?.port ?? 0, database: needed?.url ?? "" };
      await using child = new Child(module, options);
      const { kind: _kind, ...sample } = await child.next("sample");
      return sample as Record<string, number>;
    },
  };
}
