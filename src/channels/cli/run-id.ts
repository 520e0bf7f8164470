import type { Remote } from "../../client/remote.ts";
import { NexusError } from "../../errors.ts";
import { idsEndingIn } from "./ending.ts";
import { misuse } from "./failure.ts";
import { plain } from "./safe-text.ts";

const LEAST = 4;
const SHOWN = 6;
const PAGE = 100;
const PAGES = 100;

/** The end of a run's id, which tells it from others: UUIDv7s share their beginnings. */
export function shortId(runId: string): string {
  return plain(runId).slice(-SHOWN);
}

/**
 * The run that is meant by its id, or by any ending of it that no other run shares.
 *
 * @throws RUN_NOT_FOUND for none, and, with `similar`, for several.
 */
export async function resolveRunId(remote: Remote, given: string): Promise<string> {
  try {
    return (await remote.run(given)).runId;
  } catch (error) {
    if (!NexusError.is(error, "RUN_NOT_FOUND")) throw error;
  }
  if (given.length < LEAST)
    throw misuse("ID", `${JSON.stringify(given)} is too short: give at least the last ${LEAST} characters of a run's id`);
  const similar = await endingIn(remote, given);
  const [only, another] = similar;
  if (only !== undefined && another === undefined) return only;
  const detail = only === undefined ? `There is no run ${JSON.stringify(given)}.` : `${similar.length} runs end in ${given}.`;
  throw new NexusError("RUN_NOT_FOUND", { runId: given, ...(only !== undefined && { similar: similar.slice(0, 10) }) }, { detail });
}

/** Among the 10,000 newest runs. */
async function endingIn(remote: Remote, ending: string): Promise<readonly string[]> {
  return await idsEndingIn(ending, PAGES, async (before) => {
    const { runs, hasMore, previous } = await remote.runs({ limit: PAGE, before });
    return { ids: runs.map(({ runId }) => runId), hasMore, previous };
  });
}
