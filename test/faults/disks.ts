import { execFile } from "node:child_process";
import { access, mkdir, rm, stat, statfs, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Chance } from "./chance.ts";
import { fixture, type Scene } from "./scene.ts";
import type { Server } from "./server.ts";

const run = promisify(execFile);

/** A disk that fails while it is told to. */
export interface Disk extends AsyncDisposable {
  /** Where the database is to be. */
  readonly folder: string;
  /** What the server's process needs for it. */
  readonly env: Readonly<Record<string, string>>;
  break(server: Server, chance: Chance): Promise<void>;
  mend(server: Server): Promise<void>;
}

/** @returns a disk of that kind; or none, having said why there is none on this machine. */
export type MakeDisk = (scene: Scene) => Promise<Disk | undefined>;

const SIZE_MIB = 64;
const BLOCK = 4_096;

/** A file system of its own in memory, which something else fills to its last blocks. */
export const smallDisk: MakeDisk = async (scene) => {
  const folder = join(scene.folder, "disk");
  await mkdir(folder);
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${SIZE_MIB}m`, "tmpfs", folder]);
  } catch (error) {
    return notTried("a full disk", "nothing can be mounted here", error);
  }
  const other = join(folder, "somebody-elses-file");
  return {
    folder,
    env: {},
    break: async (_server, chance) => {
      await writeFile(other, "");
      // Meanwhile the database grows: until nothing is left.
      const leave = (chance.upTo(6) - 1) * BLOCK;
      for (;;) {
        const { bavail } = await statfs(folder);
        const bytes = bavail * BLOCK - leave;
        if (bytes <= 0) return;
        try {
          await writeFile(other, Buffer.alloc(bytes), { flag: "a" });
        } catch (error) {
          if ((error as { code?: string }).code !== "ENOSPC") throw error;
        }
      }
    },
    mend: async () => rm(other),
    [Symbol.asyncDispose]: async () => void (await run("umount", ["--lazy", folder])),
  };
};

/** No file of the process may grow beyond what it has by now: to it, that is an error of the disk. */
export const smallFiles: MakeDisk = async (scene) => {
  try {
    await run("prlimit", ["--version"]);
  } catch (error) {
    return notTried("files that may not grow", "there is no prlimit here", error);
  }
  const limit = (server: Server, bytes: string): Promise<unknown> =>
    run("prlimit", ["--pid", String(server.child.pid), `--fsize=${bytes}:unlimited`]);
  return {
    folder: scene.folder,
    env: {},
    break: async (server, chance) => {
      const { size } = await stat(`${server.file}-wal`);
      await limit(server, String(size + chance.upTo(60_000)));
    },
    mend: async (server) => void (await limit(server, "unlimited")),
    [Symbol.asyncDispose]: async () => {},
  };
};

/** What the system says of writing, and of bringing it to the disk, is what it is told to say. */
export const failingDisk: MakeDisk = async (scene) => {
  const library = scene.path("failing-disk.so");
  try {
    await run("cc", ["-shared", "-fPIC", "-O1", "-o", library, fixture("failing-disk.c"), "-ldl"]);
    await access(library);
  } catch (error) {
    return notTried("a disk that answers with errors", "there is no C compiler here", error);
  }
  const told = scene.path("disk-is-told");
  await writeFile(told, "0");
  return {
    folder: scene.folder,
    env: { LD_PRELOAD: library, FAULTS_DISK: told },
    break: async (_server, chance) => writeFile(told, chance.oneOf(["w", "f", "h", "s"])),
    mend: async () => truncate(told, 0),
    [Symbol.asyncDispose]: async () => {},
  };
};

function notTried(kind: string, why: string, error: unknown): undefined {
  console.log(`${kind}: not tried, because ${why} (${String(error).split("\n")[0]})`);
}
