/**
 * The speed of Nexus, beside that of its peers: `npm run bench`, up to 25 minutes; `npm run bench -- --quick`, three.
 *
 *     node bench/run.ts [emit] [sockets] [sse] [receipt] [idle] [memory] [filters] [runs] [agents] [disk] [starts] [reads] [resume]
 *                       [--quick] [--no-build] [--docs]
 *
 * How to read it:
 * - Look at the ratios. They compare rounds that took turns on one machine in one run, each in new processes; the numbers themselves belong to that machine.
 *   A ratio above 1 is in our favour, also where less is better. `bar` is what we want it to be at least: "0.35 of 0.8 — not met".
 * - Each number is the median of the rounds, with the lowest and the highest of them. Where the ranges overlap, the ratio says little.
 * - `fsync` stands beside what was on stable storage when it was acknowledged (or delivered): SQLite, WAL, synchronous=FULL, one fsync a commit; Redis with
 *   appendfsync always; PostgreSQL with fsync and synchronous_commit. `written` is what was with the operating system: it survives the process and no power cut.
 *   `memory` is what nobody kept. So in fan-out and receipt we write every event to the disk first, and the peers do not.
 * - "By hand" is better-sqlite3 on the table of our store without its index, in one process, without promises, checks or readers: not an alternative, but the limit.
 *   Sockets by hand are the same for a burst: hand-made frames, one write a socket for all that is due.
 * - A delivery is one event at one reader. Readers are raw sockets in a process of their own, which look at each event's number and nothing else;
 *   with few cores they, not the server, may be what is slow: then "server CPU a delivery" is the better measure.
 * - Peers send the 300 bytes that we store; we send those and the event's id, place and time. Peers check no schema, index nothing and call no handler.
 * - Redis, NATS and their clients run as their documentation has it, or faster where that was to be had: ioredis rather than node-redis, BullMQ with its worker
 *   in the same process, DBOS with a connection for each run in flight, JetStream without fsync and with 10,000 messages on the way to a reader.
 * - Where the peer is "itself", the same product does the same with less: a shorter log, one filter.
 *
 * `redis-server` and `nats-server` are started on free ports, their files in the bench's folder; PostgreSQL is the one at 127.0.0.1:5432, or NEXUS_BENCH_POSTGRES,
 * in a database of its own. A part whose peer cannot be run fails, the others go on, and the exit code is 1. Whether a bar is met fails nothing.
 *
 * All traffic stays on 127.0.0.1. The table is also written to bench/results/, as JSON, and with --docs into docs/performance.md.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeDocs } from "./docs.ts";
import { LargeLogs } from "./logs/large-logs.ts";
import { machine } from "./machine.ts";
import { measured, type Result } from "./part.ts";
import { FULL, PARTS, QUICK, type Scale } from "./parts.ts";
import { tableOf } from "./report.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    "no-build": { type: "boolean", default: false },
    docs: { type: "boolean", default: false },
  },
});
const unknown = positionals.find((name) => !Object.hasOwn(PARTS, name));
if (unknown !== undefined) refuse(`There is no part ${unknown}; there are ${Object.keys(PARTS).join(", ")}.`);
else if (options.docs && (options.quick || positionals.length > 0)) refuse("--docs is of all parts, in full.");
else await bench(positionals.length === 0 ? Object.keys(PARTS) : positionals);

function refuse(why: string): void {
  console.error(why);
  process.exitCode = 2;
}

async function bench(names: readonly string[]): Promise<void> {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const results = join(root, "bench/results");
  mkdirSync(results, { recursive: true });
  if (!options["no-build"]) build(root);
  // Not the system's folder for temporary files: that may be in memory.
  const folder = mkdtempSync(join(results, "files-"));
  const forget = (): void => rmSync(folder, { recursive: true, force: true });
  // Whoever stops it is left no server and no large file either.
  process.once("exit", forget);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));
  try {
    const where = await machine(root, folder);
    for (const [fact, value] of Object.entries(where)) console.log(`${fact.padEnd(10)} ${value}`);
    const { scale, skipped } = await fitting(options.quick ? QUICK : FULL, folder);
    const { made, failed } = await all(names, scale, folder);
    const file = join(results, `${new Date().toISOString().replaceAll(":", "-")}.json`);
    writeFileSync(file, `${JSON.stringify({ machine: where, quick: options.quick, skipped, failed, parts: made }, null, 2)}\n`);
    console.log(`\n${file}`);
    for (const what of [...skipped, ...failed]) console.error(what);
    if (failed.length > 0) process.exitCode = 1;
    else if (options.docs) writeDocs(join(root, "docs/performance.md"), where, made, skipped);
  } finally {
    forget();
  }
}

/** One part after the other; one that fails does not keep the others from being measured. */
async function all(
  names: readonly string[],
  scale: Scale,
  folder: string,
): Promise<{ readonly made: Result[]; readonly failed: string[] }> {
  const logs = new LargeLogs(folder, scale.resume);
  const made: Result[] = [];
  const failed: string[] = [];
  for (const name of names) {
    const { rounds, ms, parts } = PARTS[name] as (typeof PARTS)[string];
    for (const part of parts(scale)) {
      try {
        const result = await measured(part, { rounds: options.quick ? 1 : rounds, ms: options.quick ? ms / 5 : ms, folder, logs });
        made.push(result);
        console.log(tableOf(result));
      } catch (error) {
        failed.push(`FAILED: ${part.title}: ${String(error)}`);
        console.error(`\n${part.title}\n`, error);
      }
    }
  }
  return { made, failed };
}

/** Leaves out what the disk has no room for, and says so. */
async function fitting(scale: Scale, folder: string): Promise<{ readonly scale: Scale; readonly skipped: readonly string[] }> {
  const sizes: number[] = [];
  const skipped: string[] = [];
  for (const events of scale.logs) {
    if (await LargeLogs.fits(folder, events)) sizes.push(events);
    else skipped.push(`SKIPPED: a log of ${events} events: the disk has no room for it twice over`);
  }
  return { scale: { ...scale, logs: sizes }, skipped };
}

/** The numbers are of what users get: the built package. */
function build(root: string): void {
  const { status, stdout, stderr } = spawnSync("npm", ["run", "build"], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm run build failed\n${stdout}${stderr}`);
}
