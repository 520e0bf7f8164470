import { Child } from "../child.ts";
import { shown } from "../numbers.ts";
import { atMostTimes, type Contestant, type Part } from "../part.ts";

const KINDS = ["session", "run", "type", "workflow"] as const;
export type Kind = (typeof KINDS)[number];

/** What is read by what it belongs to, from logs of different lengths: the longest is ours, and shorter ones are its peers. */
export function readsPart(sizes: readonly number[]): Part {
  const [longest = 0, ...shorter] = sizes.toSorted((a, b) => b - a);
  const bars = Object.fromEntries(shorter.map((events) => [nameOf(events), atMostTimes(1.5)]));
  return {
    title: "Reads: getEvents of what belongs together, at random places of the log",
    measures: KINDS.flatMap((kind) => [
      { key: `${kind}P50`, title: `by ${kind}, p50 ms`, better: "less" as const },
      { key: `${kind}P99`, title: `by ${kind}, p99 ms`, better: "less" as const, bars },
      { key: `${kind}Cached`, title: `by ${kind}, p99 ms, where the disk was not asked`, better: "less" as const },
      { key: `${kind}Disk`, title: `by ${kind}, where it was, of 100`, better: "less" as const },
    ]),
    ours: contestant(longest),
    peers: shorter.map(contestant),
  };
}

function nameOf(events: number): string {
  return `Nexus, ${shown(events)} events`;
}

function contestant(events: number): Contestant {
  return {
    name: nameOf(events),
    keeps: "fsync",
    round: async ({ ms, logs }) => {
      await using child = new Child(new URL("./read.ts", import.meta.url), { ...(await logs.log(events)), ms });
      const { kind: _kind, ...sample } = await child.next("sample");
      return sample as Record<string, number>;
    },
  };
}
