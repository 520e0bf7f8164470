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

export async function receipts(server: Child, clients: Child, { ms }: Settings): Promise<Sample> {
  const one = async (): Promise<number> => {
    const received = clients.next("received");
    server.tell({ kind: "one" });
    return Number((await received)["micros"]) / 1000;
  };
  for (let i = 0; i < 200; i++) await one();
  const took: number[] = [];
  for (const until = performance.now() + ms; performance.now() < until; ) took.push(await one());
  return { p50: percentile(took, 50), p99: percentile(took, 99) };
}
