/**
 * The speed of Nexus, beside that of its peers: `npm run bench`, some three minutes.
 *
 *     node bench/run.ts [emit] [sockets] [sse] [runs] [receipt] [agents] [--quick] [--no-build]
 *
 * How to read it:
 * - Look at the ratios. They compare rounds that took turns on one machine in one run, each in new processes; the numbers themselves belong to that machine.
 *   A ratio above 1 is in our favour, also where less is better.
 * - Each number is the median of the rounds, with the lowest and the highest of them. Where the ranges overlap, the ratio says little.
 * - `fsync` stands beside what was on stable storage when it was acknowledged (or delivered): SQLite, WAL, synchronous=FULL, one fsync a commit.
 *   `memory` stands beside what nobody kept. So in fan-out and receipt we write every event to the disk first, and the peers do not.
 * - "By hand" is better-sqlite3 on the table of our store, in one process, without promises, checks, index or readers: not an alternative, but the limit.
 * - A delivery is one event at one reader. Readers are raw sockets in a process of their own, which look at each event's number and nothing else;
 *   with few cores they, not the server, may be what is slow: then "server CPU a delivery" is the better measure.
 * - Peers send the 300 bytes that we store; we send those and the event's id, place and time.
 *
 * All traffic stays on 127.0.0.1. The table is also written to bench/results/, as JSON.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { agentsPart } from "./agents/part.ts";
import { emitPart } from "./emit/part.ts";
import { machine } from "./machine.ts";
import { measured, type Part, type Result } from "./part.ts";
import { fanOutPart } from "./push/fan-out.ts";
import { receiptPart } from "./push/receipt.ts";
import { tableOf } from "./report.ts";
import { runsPart } from "./runs/part.ts";

const PARTS: Readonly<Record<string, { readonly rounds: number; readonly ms: number; readonly parts: readonly Part[] }>> = {
  emit: { rounds: 5, ms: 1500, parts: [emitPart] },
  sockets: { rounds: 3, ms: 1500, parts: [fanOutPart("WebSockets", 100), fanOutPart("WebSockets", 1000)] },
  sse: { rounds: 3, ms: 1500, parts: [fanOutPart("SSE readers", 100), fanOutPart("SSE readers", 1000)] },
  runs: { rounds: 3, ms: 1500, parts: [runsPart] },
  agents: { rounds: 3, ms: 3000, parts: [agentsPart(50)] },
  receipt: { rounds: 3, ms: 1500, parts: [receiptPart("WebSocket"), receiptPart("SSE reader")] },
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, "no-build": { type: "boolean", default: false } },
});
const unknown = positionals.find((name) => !Object.hasOwn(PARTS, name));
if (unknown === undefined) await bench(positionals.length === 0 ? Object.keys(PARTS) : positionals);
else {
  console.error(`There is no part ${unknown}; there are ${Object.keys(PARTS).join(", ")}.`);
  process.exitCode = 2;
}

async function bench(names: readonly string[]): Promise<void> {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const results = join(root, "bench/results");
  mkdirSync(results, { recursive: true });
  if (!options["no-build"]) build(root);
  // Not the system's folder for temporary files: that may be in memory.
  const folder = mkdtempSync(join(results, "files-"));
  try {
    const where = machine(root, folder);
    for (const [fact, value] of Object.entries(where)) console.log(`${fact.padEnd(10)} ${value}`);
    const made: Result[] = [];
    for (const name of names) {
      const { rounds, ms, parts } = PARTS[name] as (typeof PARTS)[string];
      for (const part of parts) {
        const result = await measured(part, { rounds: options.quick ? 1 : rounds, ms: options.quick ? ms / 3 : ms, folder });
        made.push(result);
        console.log(tableOf(result));
      }
    }
    const file = join(results, `${new Date().toISOString().replaceAll(":", "-")}.json`);
    writeFileSync(file, `${JSON.stringify({ machine: where, quick: options.quick, parts: made }, null, 2)}\n`);
    console.log(`\n${file}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The numbers are of what users get: the built package. */
function build(root: string): void {
  const { status, stdout, stderr } = spawnSync("npm", ["run", "build"], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm run build failed\n${stdout}${stderr}`);
}
