import { Queue, QueueEvents, Worker } from "bullmq";
import { job } from "../parent.ts";
import type { RunsJob } from "./part.ts";
import { measureRuns } from "./runs.ts";

/** As its documentation has it, with the worker in the same process; a job of ten steps keeps after each but the last how far it is. */
const { port, ms } = job<RunsJob>();
const connection = { port, host: "127.0.0.1" };

const queue = new Queue("counting", { connection });
// Each result that is waited for is a listener; beyond ten, Node would write a warning for each, and that takes time.
queue.setMaxListeners(0);
const events = new QueueEvents("counting", { connection });
const worker = new Worker<{ readonly steps: number; readonly done: number }, number>(
  "counting",
  async (running) => {
    const { steps } = running.data;
    let { done } = running.data;
    // The last step and the result are kept in one.
    while (++done < steps) await running.updateData({ steps, done });
    return done;
  },
  { connection, concurrency: 32 },
);
await Promise.all([events.waitUntilReady(), worker.waitUntilReady()]);
await measureRuns(ms, async (steps) => (await queue.add("counting", { steps, done: 0 })).waitUntilFinished(events));
await worker.close();
await events.close();
await queue.close();
