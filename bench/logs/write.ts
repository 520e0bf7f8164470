import { defineWorkflow, Nexus, sqliteStore } from "nexus-event-system";
import { benchData } from "../event.ts";
import { job, tell } from "../parent.ts";
import type { LargeLogJob } from "./large-logs.ts";
import { sessionOf, sessionsIn, typeOf, WORKFLOWS, workflowName, writePlaces } from "./places.ts";

const IN_FLIGHT = 4096;
/** Of a run: started, a step's start and end, completed. */
const RUN_EVENTS = 4;
/** A run's events for so many others: eight in a hundred are of runs. */
const EMITS_A_RUN = 46;
const KEPT = 2_000;

const { file, places, events, resume } = job<LargeLogJob>();
const workflows = Array.from({ length: WORKFLOWS }, (_, i) =>
  defineWorkflow(workflowName(i), async (_inputs, ctx) => await ctx.step("only", () => 1)),
);
const app = new Nexus({ name: "bench", workflows: events === 0 ? [] : workflows, store: sqliteStore(file) });
await app.open();

const emits = Math.round((events * EMITS_A_RUN) / (EMITS_A_RUN + RUN_EVENTS));
const oldAt = Math.max(0, Math.round(emits - (resume * emits) / events));
const cursors: string[] = [];
const runs: string[] = [];
let old = "";
let next = 0;

async function writer(): Promise<void> {
  for (let n = next++; n < emits; n = next++) {
    const { cursor } = await app.emitEvent(typeOf(n), benchData(n), { sessionId: sessionOf(n) });
    if (n === oldAt) old = cursor;
    if (n < emits / 2 && n % Math.ceil(emits / 2 / KEPT) === 0) cursors.push(cursor);
    if (n % EMITS_A_RUN === 0) await oneRun(n / EMITS_A_RUN);
  }
}

async function oneRun(n: number): Promise<void> {
  const run = await app.startRun(workflowName(n));
  await run.result();
  if (n % Math.ceil(emits / EMITS_A_RUN / KEPT) === 0) runs.push(run.runId);
}

await Promise.all(Array.from({ length: IN_FLIGHT }, writer));
await app.stop();
writePlaces(places, { cursors, runs, old, sessions: sessionsIn(emits) });
tell({ kind: "written" });
