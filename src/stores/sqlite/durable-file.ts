import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";

/** Resolved by the system: what was written to it survives power loss. */
export function syncFile(file: string): void {
  const fd = openSync(file, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The names in a folder survive power loss. */
export function syncFolderOf(file: string): void {
  try {
    syncFile(dirname(file));
  } catch {
    // Some systems open no folder, and need no sync of it.
  }
}

/** Gives a whole file its name, where nothing has it; the name survives power loss. */
export function putInPlace(from: string, to: string): void {
  try {
    linkSync(from, to);
    rmSync(from);
  } catch (error) {
    if ((error as { code?: string }).code === "EEXIST") throw error;
    // A file system without links.
    renameSync(from, to);
  }
  syncFolderOf(to);
}
