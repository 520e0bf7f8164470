import { neededNode, packageVersion } from "../../../observability/version.ts";
import { sqliteVersion } from "../../../stores/upkeep.ts";
import { type Check, fail, ok } from "./check.ts";

export const node: Check = () => {
  const [here, needed] = [process.versions.node, neededNode()];
  const says = `${here}; ${needed} is needed`;
  return isSince(here, needed) ? ok(says) : fail(says, `install Node ${needed}`);
};

export const versions: Check = async () => {
  try {
    return ok(`nexus-event-system ${packageVersion()}, SQLite ${await sqliteVersion()}`);
  } catch (error) {
    return fail(
      `nexus-event-system ${packageVersion()}, and SQLite cannot be loaded: ${(error as Error).message}`,
      "install the package anew, on this machine",
    );
  }
};

/** @param range `>=22.18` */
function isSince(version: string, range: string): boolean {
  const numbers = (text: string): number[] => text.replace(/^\D+/, "").split(".").map(Number);
  const [here, needed] = [numbers(version), numbers(range)];
  const at = needed.findIndex((number, i) => number !== (here[i] ?? 0));
  return at < 0 || (here[at] ?? 0) > (needed[at] as number);
}
