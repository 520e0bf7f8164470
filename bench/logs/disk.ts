import { statSync } from "node:fs";
import { Child } from "../child.ts";
import { shown } from "../numbers.ts";
import { atMostTimes, type Part } from "../part.ts";

const JSON_ALONE = "the JSON of its events";

/** What a log takes on the disk, its index and ids included. */
export function diskPart(events: number): Part {
  return {
    title: `Disk: a log of ${shown(events)} events, which can be found by session, run, type and workflow`,
    measures: [{ key: "bytes", title: "bytes an event", better: "less", bars: { [JSON_ALONE]: atMostTimes(1.5) } }],
    ours: {
      name: "Nexus",
      keeps: "fsync",
      round: async ({ logs }) => {
        const { file } = await logs.log(events);
        const size = (name: string): number => statSync(name, { throwIfNoEntry: false })?.size ?? 0;
        return { bytes: (size(file) + size(`${file}-wal`)) / events };
      },
    },
    peers: [
      {
        name: JSON_ALONE,
        keeps: "written",
        round: async ({ logs }) => {
          await using child = new Child(new URL("./json-bytes.ts", import.meta.url), await logs.log(events));
          return { bytes: Number((await child.next("sample"))["bytes"]) };
        },
      },
    ],
  };
}
