import { randomInt } from "node:crypto";
import { configDefaults, defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

// Here, so that every process of the run has the same one.
process.env["FAULTS_SEED"] ||= String(randomInt(2 ** 31));

/** Storms against real processes: `npm run test:faults`. `FAULTS_SEED` repeats one, `FAULTS_TIMES` makes it longer, `FAULTS_SOAK_MS` the soak. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ["test/faults/**/*.test.ts"],
    exclude: configDefaults.exclude,
    globalSetup: "test/faults/setup.ts",
    // One storm at a time: each has the machine to itself, and some of them measure.
    maxWorkers: 1,
    testTimeout: 300_000,
    outputFile: { json: "reports/faults.json" },
  },
});
