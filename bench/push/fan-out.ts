import type { Child } from "../child.ts";
import type { Part, Sample, Settings } from "../part.ts";
import { BETTER_SSE, contestant, NEXUS_SOCKET, NEXUS_SSE, SOCKET_IO } from "./contestants.ts";

const MEASURES = [
  { key: "perSecond", title: "deliveries a second", better: "more" },
  { key: "cpuMicros", title: "server CPU a delivery, µs", better: "less" },
  { key: "bytes", title: "bytes a delivery", better: "less" },
] as const;

/** One event to many readers, as fast as the slowest of them takes it; each reader checks that it gets every event, once and in order. */
export function fanOutPart(kind: "WebSockets" | "SSE readers", readers: number): Part {
  const [ours, peer] = kind === "WebSockets" ? [NEXUS_SOCKET, SOCKET_IO] : [NEXUS_SSE, BETTER_SSE];
  const deliveries = (server: Child, clients: Child, settings: Settings): Promise<Sample> => fanOut(readers, server, clients, settings);
  return {
    title: `Fan-out: every event to ${readers} ${kind}, all of which got all of them in order`,
    measures: MEASURES,
    ours: contestant(ours, readers, false, deliveries),
    peers: [contestant(peer, readers, false, deliveries)],
  };
}

async function fanOut(readers: number, server: Child, clients: Child, { ms }: Settings): Promise<Sample> {
  clients.hear("taken", (message) => server.tell(message));
  const before = await published(server, clients, ms / 3);
  const { from, events, at, bytes } = await published(server, clients, ms);
  const spent = server.next("spent");
  server.tell({ kind: "spent" });
  const deliveries = events * readers;
  return {
    perSecond: deliveries / ((at - from) / 1e6),
    cpuMicros: Number((await spent)["micros"]) / deliveries,
    bytes: (bytes - before.bytes) / deliveries,
  };
}

/** Emits for a while, and waits until all readers have all of it. */
async function published(server: Child, clients: Child, ms: number): Promise<Record<"from" | "events" | "at" | "bytes", number>> {
  server.tell({ kind: "publish", ms });
  const { from, events, total } = await server.next("published");
  const done = clients.next("done");
  clients.tell({ kind: "expect", events: Number(total) });
  const { at, bytes } = await done;
  return { from: Number(from), events: Number(events), at: Number(at), bytes: Number(bytes) };
}
