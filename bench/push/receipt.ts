import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "../child.ts";
import { percentile } from "../numbers.ts";
import type { Part, Sample, Settings } from "../part.ts";
import { BETTER_SSE, BETTER_SSE_KEPT, contestant, NEXUS_SOCKET, NEXUS_SSE, SOCKET_IO, SOCKET_IO_KEPT } from "./contestants.ts";

/** From the call that emits to the reader's process, one event at a time; ours with the fsync in between. */
export function receiptPart(kind: "WebSocket" | "SSE reader"): Part {
  const [ours, ...peers] = kind === "WebSocket" ? [NEXUS_SOCKET, SOCKET_IO_KEPT, SOCKET_IO] : [NEXUS_SSE, BETTER_SSE_KEPT, BETTER_SSE];
  return {
    title: `Receipt: one event at a time, from emit to a ${kind} in another process`,
    measures: [
      { key: "p50", title: "p50 ms", better: "less" },
      { key: "p99", title: "p99 ms", better: "less" },
    ],
    ours: contestant(ours, { readers: 1, timed: true }, receipts),
    peers: peers.map((peer) => contestant(peer, { readers: 1, timed: true }, receipts)),
  };
}

export function receipts(server: Child, clients: Child, { ms }: Settings): Promise<Sample> {
  return oneByOne(server, clients, { ms, warmUp: 200 });
}

const PAUSE_MS = 70;

/** As `receipts`, but each event after a pause: nothing is warm then, and who waits by a call has called again. */
export function pausedReceipts(server: Child, clients: Child, { ms }: Settings): Promise<Sample> {
  return oneByOne(server, clients, { ms: 3 * ms, warmUp: 10, pauseMs: PAUSE_MS });
}

interface OneByOne {
  readonly ms: number;
  readonly warmUp: number;
  readonly pauseMs?: number;
}

async function oneByOne(server: Child, clients: Child, { ms, warmUp, pauseMs }: OneByOne): Promise<Sample> {
  const one = async (): Promise<number> => {
    if (pauseMs !== undefined) await sleep(pauseMs);
    const received = clients.next("received");
    server.tell({ kind: "one" });
    return Number((await received)["micros"]) / 1000;
  };
  for (let i = 0; i < warmUp; i++) await one();
  const took: number[] = [];
  for (const until = performance.now() + ms; performance.now() < until; ) took.push(await one());
  return { p50: percentile(took, 50), p99: percentile(took, 99) };
}
