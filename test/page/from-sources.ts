import { registerHooks } from "node:module";

// Loaded before an app: like the tests themselves, it then runs on the sources, never on what happens to be built of them.
const sources: Readonly<Record<string, string>> = {
  "nexus-event-system": new URL("../../src/index.ts", import.meta.url).href,
  "nexus-event-system/decorators": new URL("../../src/decorators.ts", import.meta.url).href,
};

registerHooks({
  resolve: (specifier, context, next) => next(sources[specifier] ?? specifier, context),
});
