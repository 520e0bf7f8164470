import { defineConfig } from "tsdown";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    client: "src/client.ts",
    decorators: "src/decorators.ts",
    node: "src/node.ts",
    sinks: "src/sinks/index.ts",
    testing: "src/testing/index.ts",
    cli: "src/channels/cli/main.ts",
    // Not imported by anything: it is the code of a thread.
    "sqlite-writer": "src/stores/sqlite/writer-thread.ts",
  },
  format: "esm",
  platform: "node",
  // The oldest Node in `engines`: it has no `using`, so that is compiled away.
  target: "node22.18",
  fixedExtension: false,
  tsconfig: "tsconfig.src.json",
  dts: true,
  sourcemap: true,
  clean: true,
  logLevel: "warn",
});
