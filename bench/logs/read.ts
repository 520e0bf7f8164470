import { Nexus, sqliteStore } from "nexus-event-system";
import { percentile } from "../numbers.ts";
import { job, tell } from "../parent.ts";
import type { LargeLog } from "./large-logs.ts";
import { readPlaces, SESSION_EVENTS, TYPES, typeOf, WORKFLOWS, workflowName } from "./places.ts";
import type { Kind } from "./reads.ts";

const RUN_EVENTS = 4;
/** Of types and workflows, from a place on: as many as even the shortest log has after the middle of it. */
const PAGE = 20;
const WARM_UP = 200;

const { file, places, ms } = job<LargeLog & { readonly ms: number }>();
const { cursors, sessions, runs } = readPlaces(places);
const app = new Nexus({ name: "bench", store: sqliteStore(file) });
await app.open();

let seed = 1;
/** The same in every round: what differs is the log. */
function one(of: number): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((seed / 2 ** 32) * of);
}
const cursor = (): string => cursors[one(cursors.length)] as string;

async function expect(events: number, reading: Promise<{ readonly events: readonly unknown[] }>): Promise<void> {
  const page = await reading;
  if (page.events.length !== events) throw new Error(`${page.events.length} events came where ${events} were due`);
}

const READS: Readonly<Record<Kind, () => Promise<void>>> = {
  session: () => expect(SESSION_EVENTS, app.getEvents({ sessionId: `session-${one(sessions)}` })),
  run: () => expect(RUN_EVENTS, app.getEvents({ runId: runs[one(runs.length)] })),
  type: () => expect(PAGE, app.getEvents({ type: typeOf(7 * one(TYPES)), after: cursor(), limit: PAGE })),
  workflow: () => expect(PAGE, app.getEvents({ workflow: workflowName(one(WORKFLOWS)), after: cursor(), limit: PAGE })),
};

/** @returns how long each read took, in milliseconds; and those of them that the disk was not asked for. */
async function timed(read: () => Promise<void>): Promise<{ readonly all: readonly number[]; readonly cached: readonly number[] }> {
  const [all, cached]: [number[], number[]] = [[], []];
  for (const until = performance.now() + ms; performance.now() < until; ) {
    const { fsRead } = process.resourceUsage();
    const from = performance.now();
    await read();
    const took = performance.now() - from;
    all.push(took);
    if (process.resourceUsage().fsRead === fsRead) cached.push(took);
  }
  return { all, cached };
}

const sample: Record<string, number> = {};
for (const [kind, read] of Object.entries(READS)) {
  for (let i = 0; i < WARM_UP; i++) await read();
  const { all, cached } = await timed(read);
  sample[`${kind}P50`] = percentile(all, 50);
  sample[`${kind}P99`] = percentile(all, 99);
  sample[`${kind}Cached`] = percentile(cached, 99);
  sample[`${kind}Disk`] = (100 * (all.length - cached.length)) / all.length;
}
await app.stop();
tell({ kind: "sample", ...sample });
