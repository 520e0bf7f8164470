import { Child } from "../child.ts";
import type { Contestant, Part } from "../part.ts";
import { fileIn } from "../round-file.ts";

/** Emitting, durably: each promise resolves after the fsync that its event is in. */
export const emitPart: Part = {
  title: "Emit: 300-byte events, acknowledged when they are on stable storage",
  measures: [
    { key: "perSecond", title: "events a second, 512 in flight (peer: 256 a commit)", better: "more" },
    { key: "cpu", title: "CPU an event, µs", better: "less" },
    { key: "busyP50", title: "one of the 512, p50 ms (peer: a commit of 256)", better: "less" },
    { key: "busyP99", title: "                p99 ms", better: "less" },
    { key: "oneP50", title: "one emit at a time, p50 ms (peer: one a commit)", better: "less" },
    { key: "oneP99", title: "                    p99 ms", better: "less" },
  ],
  ours: contestant("Nexus emitEvent", new URL("./nexus.ts", import.meta.url)),
  peers: [contestant("better-sqlite3 by hand, same table", new URL("./by-hand.ts", import.meta.url))],
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
