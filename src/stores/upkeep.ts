import type { OpenStore } from "../log/store.ts";
import type { BackedUp } from "./sqlite/backup.ts";
import type { Glance } from "./sqlite/glance.ts";
import type { Restored } from "./sqlite/restore.ts";
import type { Verified } from "./sqlite/verify.ts";

export type { BackedUp, Glance, Restored, Verified };

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

/**
 * Copies the file as it is at one moment, while another process may write to it. Not in a process that has it open.
 *
 * @param copied hears when only the copy is left to be looked at. @throws what `backup` throws
 */
export async function backupFile(file: string, to: string, copied: () => void): Promise<BackedUp> {
  const { backup } = await import("./sqlite/backup.ts");
  return await backup(file, to, copied);
}

/**
 * Puts a copy of a file in the place of another, as a log of its own. Not in a process that has either open.
 *
 * @param look is shown the copy before it has its place. @throws what `restore` throws
 */
export async function restoreFile(from: string, file: string, look: (store: OpenStore) => Promise<void>): Promise<Restored> {
  const { restore } = await import("./sqlite/restore.ts");
  return await restore(from, file, look);
}

/** What a look at a few of its pages tells of a file, while a server runs or not. Not in a process that has it open. @throws what `glance` throws */
export async function glanceAt(file: string, now: number): Promise<Glance> {
  const { glance } = await import("./sqlite/glance.ts");
  return glance(file, now);
}

/** The version of SQLite, which comes with the package. */
export async function sqliteVersion(): Promise<string> {
  const { engineVersion } = await import("./sqlite/glance.ts");
  return engineVersion();
}
