import { Child } from "../child.ts";
import { shown } from "../numbers.ts";
import type { Contestant, Part, Sample, Settings } from "../part.ts";
import { natsOn } from "../services/nats.ts";
import { readPlaces } from "./places.ts";

const JETSTREAM = "JetStream, ordered consumer";
const FIRST_MS = 20;

/** A reader that comes back: from one process to another, each event as an object. */
export function resumePart(sizes: readonly number[], behind: number): Part {
  const [longest = 0, ...shorter] = sizes.filter((events) => events >= behind).toSorted((a, b) => b - a);
  return {
    title: `Resume: from a cursor ${shown(behind)} events old, with a client of its own`,
    measures: [
      { key: "cold", title: "first event after the server's start, ms", better: "less", atMost: FIRST_MS },
      { key: "first", title: "first event, p50 ms", better: "less", atMost: FIRST_MS },
      { key: "perSecond", title: "events a second after it", better: "more", bars: { [JETSTREAM]: 1 } },
    ],
    ours: nexus(longest, behind),
    peers: [...shorter.map((events) => nexus(events, behind)), jetstream(behind)],
  };
}

function nexus(events: number, behind: number): Contestant {
  return {
    name: `Nexus, a log of ${shown(events)}`,
    keeps: "fsync",
    round: async (settings) => {
      const log = await settings.logs.log(events);
      await using server = new Child(new URL("./server.ts", import.meta.url), log);
      const { port } = await server.next("listening");
      // Somewhat less than there is: what was written side by side is not in the order of its numbers.
      const options = { port, after: readPlaces(log.places).old, most: 0.9 * behind };
      const sample = await resumed(new URL("./resume-nexus.ts", import.meta.url), options, settings);
      server.tell({ kind: "stop" });
      await server.next("stopped");
      return sample;
    },
  };
}

function jetstream(messages: number): Contestant {
  return {
    name: JETSTREAM,
    keeps: "written",
    round: async (settings) => {
      await using server = await natsOn(await settings.logs.jetstream(messages));
      return await resumed(new URL("./resume-jetstream.ts", import.meta.url), { port: server.port, most: 0.9 * messages }, settings);
    },
  };
}

async function resumed(module: URL, options: object, { ms }: Settings): Promise<Sample> {
  await using client = new Child(module, { ...options, ms });
  const { kind: _kind, ...sample } = await client.next("sample");
  return sample as Record<string, number>;
}
