import type { Child } from "../child.ts";
import type { Measure, Part, Sample, Settings } from "../part.ts";
import { BETTER_SSE, contestant, NEXUS_SOCKET, NEXUS_SSE, RAW_SOCKETS, SOCKET_IO } from "./contestants.ts";

/** At a thousand readers. */
const BARS = { [SOCKET_IO.name]: 7, [RAW_SOCKETS.name]: 0.6, [BETTER_SSE.name]: 5 };

const MEASURES = [
  { key: "perSecond", title: "deliveries a second", better: "more" },
  { key: "cpu", title: "server CPU a delivery, µs", better: "less" },
  { key: "singleCpu", title: "server CPU a delivery, one event at a time, µs", better: "less" },
  { key: "bytes", title: "bytes a delivery", better: "less" },
] as const satisfies readonly Measure[];

/** One event to many readers, as fast as the slowest of them takes it; each reader checks that it gets every event, once and in order. */
export function fanOutPart(kind: "WebSockets" | "SSE readers", readers: number): Part {
  const [ours, ...peers] = kind === "WebSockets" ? [NEXUS_SOCKET, SOCKET_IO, RAW_SOCKETS] : [NEXUS_SSE, BETTER_SSE];
  const deliveries = (server: Child, clients: Child, settings: Settings): Promise<Sample> => fanOut(readers, server, clients, settings);
  return {
    title: `Fan-out: every event to ${readers} ${kind}, all of which got all of them in order`,
    measures: MEASURES.map((measure) => (measure.key === "perSecond" && readers >= 1000 ? { ...measure, bars: BARS } : measure)),
    ours: contestant(ours, { readers, timed: false }, deliveries),
    peers: peers.map((peer) => contestant(peer, { readers, timed: false }, deliveries)),
  };
}

/** How far ahead of the slowest reader events are emitted. */
const BUSY = 512;
const SINGLE = 1;

async function fanOut(readers: number, server: Child, clients: Child, { ms }: Settings): Promise<Sample> {
  clients.hear("taken", (message) => server.tell(message));
  const before = await published(server, clients, ms / 3, BUSY);
  const busy = await published(server, clients, ms, BUSY);
  const single = await published(server, clients, ms / 3, SINGLE);
  return {
    perSecond: (busy.events * readers) / ((busy.at - busy.from) / 1e6),
    cpu: busy.cpu / (busy.events * readers),
    singleCpu: single.cpu / (single.events * readers),
    bytes: (busy.bytes - before.bytes) / (busy.events * readers),
  };
}

type Published = Readonly<Record<"from" | "events" | "at" | "bytes" | "cpu", number>>;

/** Emits for a while, and waits until all readers have all of it. */
async function published(server: Child, clients: Child, ms: number, ahead: number): Promise<Published> {
  server.tell({ kind: "publish", ms, ahead });
  const { from, events, total } = await server.next("published");
  const done = clients.next("done");
  clients.tell({ kind: "expect", events: Number(total) });
  const { at, bytes } = await done;
  const spent = server.next("spent");
  server.tell({ kind: "spent" });
  const { micros } = await spent;
  return { from: Number(from), events: Number(events), at: Number(at), bytes: Number(bytes), cpu: Number(micros) };
}
