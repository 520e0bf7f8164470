import { configDefaults, defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

/** Tests that need a service on this machine: `npm run test:services`. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ["test/services/**/*.test.ts"],
    exclude: configDefaults.exclude,
    outputFile: { json: "reports/services.json" },
  },
});
