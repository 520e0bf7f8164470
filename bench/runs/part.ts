import { Child } from "../child.ts";
import type { Contestant, Part } from "../part.ts";
import { fileIn } from "../round-file.ts";

/** Runs whose steps do nothing: what is left is what makes them survive. */
export const runsPart: Part = {
  title:
    "Runs: from the call of execute() to its result; every step durable before the next (peer: the rows of such a run in as many commits)",
  measures: [
    { key: "oneStepP50", title: "one-step run, p50 ms", better: "less" },
    { key: "oneStepP99", title: "              p99 ms", better: "less" },
    { key: "tenStepP50", title: "ten-step run, p50 ms", better: "less" },
    { key: "tenStepP99", title: "              p99 ms", better: "less" },
    { key: "oneStepPerSecond", title: "one-step runs a second, 32 in flight", better: "more" },
    { key: "tenStepPerSecond", title: "ten-step runs a second, 32 in flight", better: "more" },
  ],
  ours: contestant("Nexus execute", new URL("./nexus.ts", import.meta.url)),
  peers: [contestant("better-sqlite3 by hand, same rows", new URL("./by-hand.ts", import.meta.url))],
};

function contestant(name: string, module: URL): Contestant {
  return {
    name,
    keeps: "fsync",
    round: async ({ ms, folder }) => {
      await using file = await fileIn(folder);
      await using child = new Child(module, { file: file.path, ms });
      const { kind: _kind, ...sample } = await child.next("sample");
      return sample as Record<string, number>;
    },
  };
}
