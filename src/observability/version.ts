import { readFileSync } from "node:fs";

/** The version of this package. */
export function packageVersion(): string {
  // By its own name: this file is in one place among the sources, in another when built.
  const file = new URL(import.meta.resolve("nexus-event-system/package.json"));
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
