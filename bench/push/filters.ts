import type { Child } from "../child.ts";
import { atMostTimes, type Contestant, type Part, type Sample, type Settings } from "../part.ts";
import { contestant, NEXUS_SOCKET } from "./contestants.ts";

const ONE = "Nexus, all idle ones of one filter";
const PER_SECOND = 5_000;
/** How far behind the reader may be before less arrives: a server that cannot keep up is to be seen in the rate, not in a queue. */
const AHEAD = 1_000;

/** What readers cost that want something else: events arrive at a rate, one reader gets all of them, and many get none. */
export function filtersPart(idle: number): Part {
  return {
    title: `Filters: ${idle} idle WebSockets, each of a session of its own, while ${PER_SECOND} events a second go to one more`,
    measures: [
      { key: "cpu", title: "server CPU a delivered event, µs", better: "less", bars: { [ONE]: atMostTimes(2) } },
      { key: "perSecond", title: `events a second that arrived, of ${PER_SECOND}`, better: "more" },
    ],
    ours: filtered("Nexus, each of its own filter", "each its own", idle),
    peers: [filtered(ONE, "one", idle)],
  };
}

function filtered(name: string, filters: "one" | "each its own", readers: number): Contestant {
  const server = { ...NEXUS_SOCKET, name };
  return contestant(server, { readers: 1, timed: false, idle: { readers, handshake: "nexusSocket", filters } }, delivered);
}

async function delivered(server: Child, clients: Child, { ms }: Settings): Promise<Sample> {
  clients.hear("taken", (message) => server.tell(message));
  await paced(server, clients, ms / 3);
  return await paced(server, clients, ms);
}

async function paced(server: Child, clients: Child, ms: number): Promise<Sample> {
  server.tell({ kind: "pace", ms, perSecond: PER_SECOND, ahead: AHEAD });
  const { from, events, total } = await server.next("published");
  const done = clients.next("done");
  clients.tell({ kind: "expect", events: Number(total) });
  const { at } = await done;
  const spent = server.next("spent");
  server.tell({ kind: "spent" });
  const { micros } = await spent;
  return { cpu: Number(micros) / Number(events), perSecond: Number(events) / ((Number(at) - Number(from)) / 1e6) };
}
