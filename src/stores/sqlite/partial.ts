import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** What a file is called while this process makes it. */
export function partialOf(to: string): string {
  return `${to}.${process.pid}.partial`;
}

/** Clears away what was left by whoever was killed while it made a file of this name. */
export function clearPartials(to: string): void {
  for (const name of readdirSync(dirname(to))) {
    const [, pid] = name.startsWith(`${basename(to)}.`) ? (/\.(\d+)\.partial$/.exec(name) ?? []) : [];
    if (pid !== undefined && !isAlive(Number(pid))) removeDatabase(join(dirname(to), name));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

/** With all that may stand beside it. */
export function removeDatabase(file: string): void {
  for (const suffix of ["", "-journal", "-wal", "-shm", ".lock", ".owner"]) rmSync(file + suffix, { force: true });
}
