import type { Verified } from "./sqlite/verify.ts";

export type { Verified };

/** The database file that is meant where none is named. */
export function usualFile(): string {
  return process.env["NEXUS_DB"] || ".nexus/nexus.db";
}

/** Reads the whole file, and says what is in it and what is wrong. Not in a process that has it open. @throws what `verify` throws */
export async function verifyFile(file: string): Promise<Verified> {
  // Only now: whoever only names these needs no native code.
  const { verify } = await import("./sqlite/verify.ts");
  return verify(file);
}
