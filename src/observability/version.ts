import { readFileSync } from "node:fs";

/** The version of this package. */
export function packageVersion(): string {
  return manifest().version;
}

/** The versions of Node that it runs on: `>=22.18`. */
export function neededNode(): string {
  return manifest().engines.node;
}

function manifest(): { readonly version: string; readonly engines: { readonly node: string } } {
  // By its own name: this file is in one place among the sources, in another when built.
  const file = new URL(import.meta.resolve("nexus-event-system/package.json"));
  return JSON.parse(readFileSync(file, "utf8")) as ReturnType<typeof manifest>;
}
