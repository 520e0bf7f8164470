import { Child } from "../child.ts";
import type { Contestant, Part } from "../part.ts";
import type { ClientsJob } from "./clients.ts";
import { BETTER_SSE, CLIENTS, CONNECT_MS, NEXUS_SOCKET, NEXUS_SSE, type Server, SOCKET_IO, started } from "./contestants.ts";

/** Readers that were there before, so that what the first of them brings, code above all, is not counted. */
const BEFORE = 200;

/** What a server keeps for a reader that is connected and gets nothing. */
export function memoryPart(kind: "WebSockets" | "SSE readers", readers: number): Part {
  const [ours, peer] = kind === "WebSockets" ? [NEXUS_SOCKET, SOCKET_IO] : [NEXUS_SSE, BETTER_SSE];
  const bars = { [peer.name]: 2 };
  return {
    title: `Memory: ${readers} idle ${kind}, what each adds to the server`,
    measures: [
      { key: "rss", title: "resident KiB a reader", better: "less", bars },
      { key: "heap", title: "heap and buffers after collection, KiB a reader", better: "less", bars },
    ],
    ours: contestant(ours, readers),
    peers: [contestant(peer, readers)],
  };
}

function contestant(server: Server, readers: number): Contestant {
  return {
    name: server.name,
    keeps: server.keeps,
    round: async (settings) => {
      await using running = await started(server, settings);
      const clients = { port: running.port, handshake: server.handshake, timed: false };
      await using first = new Child(CLIENTS, { ...clients, readers: BEFORE } satisfies ClientsJob);
      await first.next("ready");
      const before = await used(running.child);
      await using others = new Child(CLIENTS, { ...clients, readers } satisfies ClientsJob);
      await others.next("ready", CONNECT_MS);
      const after = await used(running.child);
      return { rss: (after.rss - before.rss) / readers / 1024, heap: (after.heap - before.heap) / readers / 1024 };
    },
  };
}

async function used(server: Child): Promise<{ readonly rss: number; readonly heap: number }> {
  const told = server.next("memory");
  server.tell({ kind: "memory" });
  const { rss, heap } = await told;
  return { rss: Number(rss), heap: Number(heap) };
}
