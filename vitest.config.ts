import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^nexus-event-system$/, replacement: source("index.ts") },
      { find: /^nexus-event-system\/client$/, replacement: source("client.ts") },
      { find: /^nexus-event-system\/decorators$/, replacement: source("decorators.ts") },
      { find: /^nexus-event-system\/node$/, replacement: source("node.ts") },
      { find: /^nexus-event-system\/sinks$/, replacement: source("sinks/index.ts") },
      { find: /^nexus-event-system\/testing$/, replacement: source("testing/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // They have a script and a config of their own.
    exclude: [...configDefaults.exclude, "test/services/**", "test/faults/**"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ["default", ...(process.env.CI ? ["json"] : []), "./test/fuzz/reporter.ts"],
    outputFile: { json: "reports/tests.json" },
  },
});
