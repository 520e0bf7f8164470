import { Child } from "../child.ts";
import { atMostTimes, type Contestant, type Part } from "../part.ts";
import type { ClientsJob } from "./clients.ts";
import { CLIENTS, CONNECT_MS, contestant, NEXUS_SOCKET, NEXUS_SSE, REDIS_AND_WS, started } from "./contestants.ts";
import { pausedReceipts, receipts } from "./receipt.ts";

/** As receipt, while many others are connected and get nothing: ours with the fsync in between, and our log to go on from. */
export function amongIdlePart(kind: "WebSocket" | "SSE reader" | "MCP wait", idle: number): Part {
  const bars = { [REDIS_AND_WS.name]: atMostTimes(1.3) };
  const others = (handshake: "nexusSocket" | "nexusSse" | "byHand") => ({ readers: idle, handshake, filters: "each its own" }) as const;
  const ours = {
    WebSocket: () => contestant(NEXUS_SOCKET, { readers: 1, timed: true, idle: others("nexusSocket") }, receipts),
    "SSE reader": () => contestant(NEXUS_SSE, { readers: 1, timed: true, idle: others("nexusSse") }, receipts),
    "MCP wait": () => waiting(idle),
  };
  const [pause, measured] = kind === "MCP wait" ? [", each after a pause", pausedReceipts] : ["", receipts];
  return {
    title: `Receipt among ${idle} idle connections: one event at a time${pause}, from emit to a ${kind} in another process (peer: to a WebSocket)`,
    measures: [
      { key: "p50", title: "p50 ms", better: "less", bars },
      { key: "p99", title: "p99 ms", better: "less" },
    ],
    ours: ours[kind](),
    peers: [contestant(REDIS_AND_WS, { readers: 1, timed: true, idle: others("byHand") }, measured)],
  };
}

/** One agent that waits with the SDK's client: the clients of ../agents, among idle WebSockets. */
function waiting(idle: number): Contestant {
  return {
    name: "Nexus MCP wait",
    keeps: "fsync",
    round: async (settings) => {
      await using server = await started(NEXUS_SOCKET, settings);
      const others = { readers: idle, handshake: "nexusSocket", filters: "each its own" } as const;
      await using idlers = new Child(CLIENTS, {
        port: server.port,
        readers: 0,
        handshake: "nexusSocket",
        timed: false,
        idle: others,
      } satisfies ClientsJob);
      await idlers.next("ready", CONNECT_MS);
      await using agent = new Child(new URL("../agents/clients.ts", import.meta.url), { port: server.port, agents: 1 });
      await agent.next("waiting");
      return await pausedReceipts(server.child, agent, settings);
    },
  };
}
