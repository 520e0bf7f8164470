import { accessSync, closeSync, constants, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { size } from "../amount.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const LITTLE_BYTES = 256 * 1024 * 1024;
const SYNCS = 50;
/** No disk writes in so short a time: whoever says so keeps it in memory. */
const TOO_SHORT_MS = 0.02;

/** @see statfs(2) of Linux; elsewhere these numbers mean other things. */
const OVER_A_NETWORK: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB 2",
  0x5346414f: "AFS",
  0x00c36400: "Ceph",
  0x01021997: "9P",
  0x0bd00bd0: "Lustre",
  0x73757245: "Coda",
};
const IN_MEMORY: readonly number[] = [0x01021994, 0x858458f6];

export const folder: Check = async ({ folder: path }) => {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch {
    return fail(
      `${path} cannot be written by this user`,
      "the database makes files beside it: start as the user whose folder it is, or give it to this one",
    );
  }
  const { type, bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  const says = `${path}, ${size(free)} free`;
  if (free === 0) return fail(says, "make room: nothing can be recorded");
  if (free < LITTLE_BYTES) return warn(says, "make room, or let old events go: docs/operating.md, Retention");
  if (process.platform !== "linux") return ok(says);
  const network = OVER_A_NETWORK[type >>> 0];
  if (network !== undefined)
    return warn(`${says}, over a network (${network})`, "use a disk of this machine: locks and syncs may not hold there");
  if (IN_MEMORY.includes(type >>> 0)) return warn(`${says}, in memory`, "use a disk: this is gone when the machine is restarted");
  return ok(says);
};

/** How long each commit waits at least. */
export const fsync: Check = ({ folder: path }) => {
  let place: string | undefined;
  try {
    place = mkdtempSync(join(path, ".nexus-doctor-"));
    const times = syncsIn(join(place, "synced")).sort((one, other) => one - other);
    const median = times[SYNCS / 2] as number;
    const says = `${median.toFixed(median < 1 ? 3 : 1)} ms, the median of ${SYNCS}`;
    return median < TOO_SHORT_MS
      ? warn(says, "this disk may not wait until it has written: a power loss could take the newest events")
      : ok(says);
  } catch (error) {
    return fail(`no file can be synced in ${path}: ${(error as Error).message}`, "see folder");
  } finally {
    if (place !== undefined) rmSync(place, { recursive: true, force: true });
  }
};

function syncsIn(file: string): number[] {
  const fd = openSync(file, "w");
  try {
    const page = Buffer.alloc(4096, 1);
    return Array.from({ length: SYNCS }, () => {
      writeSync(fd, page);
      const began = performance.now();
      fsyncSync(fd);
      return performance.now() - began;
    });
  } finally {
    closeSync(fd);
  }
}
