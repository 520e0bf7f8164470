import { setTimeout as pause } from "node:timers/promises";
import { defineWorkflow } from "nexus-event-system";
import { ProgressUpdate } from "./events.ts";

const STEPS = 10;

/** Ten steps of half a second. Each tells everybody who is connected, on every channel, how far it is. */
export const monitoredProcess = defineWorkflow(
  "monitored-process",
  { description: "Ten steps of half a second, each broadcast to everyone", tags: ["example"] },
  async (_inputs, ctx) => {
    for (let n = 1; n <= STEPS; n++) {
      const percentage = (100 * n) / STEPS;
      const step = `Processing step ${n}/${STEPS}`;
      await ctx.step(`part-${n}`, async ({ signal }) => {
        await pause(500, undefined, { signal });
        await ctx.broadcastEvent(ProgressUpdate, { percentage, step });
      });
      ctx.progress(percentage, step);
    }
    return { completed: true, steps: STEPS };
  },
);
