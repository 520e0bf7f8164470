// A long process tells how far it is, and whoever follows it knows at once. Nobody polls.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { defineEvent, memoryStore, Nexus, WorkflowBuilder } from "nexus-event-system";

const ProgressUpdate = defineEvent("PROGRESS_UPDATE", { schema: { percentage: "integer", step: "string" } });
const app = new Nexus({ store: memoryStore(), events: [ProgressUpdate] });

const graph = new WorkflowBuilder()
  .addNode("CodeNode", "long_process", {
    run: async (_inputs, ctx) => {
      for (let i = 1; i <= 10; i++) {
        await ctx.broadcastEvent(ProgressUpdate, { percentage: i * 10, step: `Processing step ${i}/10` });
        await sleep(10);
      }
      return { completed: true, steps: 10 };
    },
  })
  .build();
const monitored = app.register("monitored-process", graph);

const run = await app.startRun(monitored);
const percentages: number[] = [];
// From the place just before the run's first event: nothing was missed, however late this begins.
for await (const event of app.subscribe({ type: ProgressUpdate, runId: run.runId, after: run.cursor })) {
  percentages.push(event.data.percentage);
  if (event.data.percentage === 100) break;
}

assert.deepEqual(percentages, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
assert.deepEqual(await run.result(), { completed: true, steps: 10 });
await app.stop();
