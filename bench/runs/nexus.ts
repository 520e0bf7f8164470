import { defineWorkflow, Nexus, sqliteStore } from "nexus-event-system";
import { job } from "../parent.ts";
import type { RunsJob } from "./part.ts";
import { measureRuns } from "./runs.ts";

const { file, ms } = job<RunsJob>();

const counting = defineWorkflow("counting", async ({ steps }, ctx) => {
  let sum = 0;
  for (let i = 0; i < Number(steps); i++) sum += await ctx.step(`step-${i}`, () => 1);
  return sum;
});

const app = new Nexus({ name: "bench", workflows: [counting], store: sqliteStore(file) });
await app.open();
await measureRuns(ms, (steps) => app.execute(counting, { steps }));
await app.stop();
