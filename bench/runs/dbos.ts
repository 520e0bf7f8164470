import { DBOS } from "@dbos-inc/dbos-sdk";
import { job } from "../parent.ts";
import type { RunsJob } from "./part.ts";
import { measureRuns } from "./runs.ts";

/** As many connections as there are runs in flight; otherwise they would wait for one another. */
const CONNECTIONS = 32;

/** As its documentation has it, called directly: a workflow row, a row for each step, the result; each in a commit of its own. */
const { database, ms } = job<RunsJob>();

const counting = DBOS.registerWorkflow(
  async (steps: number) => {
    let sum = 0;
    for (let i = 0; i < steps; i++) sum += await DBOS.runStep(() => Promise.resolve(1), { name: `step-${i}` });
    return sum;
  },
  { name: "counting" },
);
DBOS.setConfig({ name: "bench", systemDatabaseUrl: database, systemDatabasePoolSize: CONNECTIONS, logLevel: "error" });
await DBOS.launch();
await measureRuns(ms, counting);
await DBOS.shutdown();
