import { defineWorkflow, Nexus, sqliteStore } from "nexus-event-system";
import { load } from "../load.ts";
import { job, tell } from "../parent.ts";

const { file, ms } = job<{ readonly file: string; readonly ms: number }>();

const counting = defineWorkflow("counting", async ({ steps }, ctx) => {
  let sum = 0;
  for (let i = 0; i < Number(steps); i++) sum += await ctx.step(`step-${i}`, () => 1);
  return sum;
});

const app = new Nexus({ name: "bench", workflows: [counting], store: sqliteStore(file) });
await app.open();
const run = (steps: number) => async (): Promise<void> => {
  const result = await app.execute(counting, { steps });
  if (result !== steps) throw new Error(`a run of ${steps} steps ended with ${String(result)}`);
};
await load(32, ms / 3, run(1));
const one = await load(1, ms / 2, run(1));
const ten = await load(1, ms / 2, run(10));
const manyOne = await load(32, ms / 2, run(1));
const manyTen = await load(32, ms / 2, run(10));
await app.stop();
tell({
  kind: "sample",
  oneStepP50: one.p50,
  oneStepP99: one.p99,
  tenStepP50: ten.p50,
  tenStepP99: ten.p99,
  oneStepPerSecond: manyOne.perSecond,
  tenStepPerSecond: manyTen.perSecond,
});
