import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { copyInto } from "./copy.ts";
import { putInPlace, syncFile } from "./durable-file.ts";
import { asStoreError, damaged, refused } from "./failures.ts";
import { clearPartials, partialOf, removeDatabase } from "./partial.ts";
import { checkReadable, type Verified, verify } from "./verify.ts";

/** A backup that is whole, verified, and on stable storage. */
export interface BackedUp {
  readonly from: string;
  /** What was found in the copy. */
  readonly copy: Verified;
}

/**
 * Copies a file as it is at one moment, while another process may write to it at full speed.
 *
 * Not by VACUUM INTO: that hands all it has written to the disk at its end, and a server's commits wait behind it. See docs/decisions/027-backup.md.
 *
 * @param to where there is nothing yet; it is not there before it is whole, verified and on stable storage.
 * @param copied hears when the file that is copied is needed no more.
 * @throws OPTION_INVALID · STORE_NEWER · STORE_DAMAGED · STORE_UNAVAILABLE; then nothing is left behind.
 */
export async function backup(file: string, to: string, copied: () => void): Promise<BackedUp> {
  checkFree(to);
  checkReadable(file);
  clearPartials(to);
  const partial = partialOf(to);
  try {
    await copyInto(file, partial);
    copied();
    const copy = verify(partial);
    if (copy.faults.length > 0) throw damaged(file, copy.faults);
    syncFile(partial);
    checkFree(to);
    putInPlace(partial, to);
    return { from: file, copy: { ...copy, file: to } };
  } catch (error) {
    throw asStoreError(error);
  } finally {
    removeDatabase(partial);
  }
}

function checkFree(to: string): void {
  if (existsSync(to)) throw refused(to, "is there already; name another file");
  if (!existsSync(dirname(to))) throw refused(to, "its folder is not there");
}
