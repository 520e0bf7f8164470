import { agentsPart } from "./agents/part.ts";
import { emitPart } from "./emit/part.ts";
import { diskPart } from "./logs/disk.ts";
import { readsPart } from "./logs/reads.ts";
import { resumePart } from "./logs/resume.ts";
import { startsPart } from "./logs/starts.ts";
import type { Part } from "./part.ts";
import { amongIdlePart } from "./push/among-idle.ts";
import { fanOutPart } from "./push/fan-out.ts";
import { filtersPart } from "./push/filters.ts";
import { memoryPart } from "./push/memory.ts";
import { receiptPart } from "./push/receipt.ts";
import { runsPart } from "./runs/part.ts";

/** How much of everything there is: what takes minutes to set up is less when time is short. */
export interface Scale {
  /** Events in the logs that are read, from short to long. */
  readonly logs: readonly number[];
  /** How many events a reader that comes back is behind. */
  readonly resume: number;
  /** Readers of a burst. */
  readonly bursts: readonly number[];
  readonly connected: number;
  readonly kept: number;
  readonly filtered: number;
}

export const FULL: Scale = {
  logs: [10_000, 1_000_000, 10_000_000],
  resume: 1_000_000,
  bursts: [100, 1_000],
  connected: 1_000,
  kept: 4_000,
  filtered: 10_000,
};
export const QUICK: Scale = { logs: [10_000, 100_000], resume: 50_000, bursts: [1_000], connected: 1_000, kept: 1_000, filtered: 1_000 };

const longest = ({ logs }: Scale): number => Math.max(...logs);

export const PARTS: Readonly<
  Record<string, { readonly rounds: number; readonly ms: number; readonly parts: (scale: Scale) => readonly Part[] }>
> = {
  emit: { rounds: 5, ms: 1500, parts: () => [emitPart] },
  sockets: { rounds: 3, ms: 1500, parts: ({ bursts }) => bursts.map((readers) => fanOutPart("WebSockets", readers)) },
  sse: { rounds: 3, ms: 1500, parts: ({ bursts }) => bursts.map((readers) => fanOutPart("SSE readers", readers)) },
  receipt: { rounds: 3, ms: 1500, parts: () => [receiptPart("WebSocket"), receiptPart("SSE reader")] },
  idle: {
    rounds: 3,
    ms: 1500,
    parts: ({ connected }) => [
      amongIdlePart("WebSocket", connected),
      amongIdlePart("SSE reader", connected),
      amongIdlePart("MCP wait", connected),
    ],
  },
  memory: { rounds: 3, ms: 1500, parts: ({ kept }) => [memoryPart("WebSockets", kept), memoryPart("SSE readers", kept)] },
  filters: { rounds: 3, ms: 4500, parts: ({ filtered }) => [filtersPart(filtered)] },
  runs: { rounds: 3, ms: 1500, parts: () => [runsPart] },
  agents: { rounds: 3, ms: 3000, parts: () => [agentsPart(50)] },
  disk: { rounds: 1, ms: 0, parts: (scale) => [diskPart(longest(scale))] },
  starts: { rounds: 3, ms: 0, parts: (scale) => [startsPart(longest(scale))] },
  reads: { rounds: 3, ms: 1500, parts: ({ logs }) => [readsPart(logs)] },
  resume: { rounds: 3, ms: 1500, parts: ({ logs, resume }) => (logs.some((events) => events >= resume) ? [resumePart(logs, resume)] : []) },
};
