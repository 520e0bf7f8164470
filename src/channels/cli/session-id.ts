import type { Remote } from "../../client/remote.ts";
import { NexusError } from "../../errors.ts";
import { idsEndingIn } from "./ending.ts";

const WHOLE = /^s-[0-9a-f-]{36}$/;
const LEAST = 4;
const PAGE = 1_000;
const PAGES = 10;

/**
 * The session that is meant by its id, or by any ending of it that no other open session shares.
 *
 * @throws SESSION_NOT_FOUND for none, and, with `similar`, for several.
 */
export async function resolveSessionId(remote: Remote, given: string): Promise<string> {
  // The server says whether there is one.
  if (WHOLE.test(given) || given.length < LEAST) return given;
  const similar = await endingIn(remote, given);
  const [only, another] = similar;
  if (only !== undefined && another === undefined) return only;
  const detail =
    only === undefined ? `There is no open session ${JSON.stringify(given)}.` : `${similar.length} open sessions end in ${given}.`;
  throw new NexusError("SESSION_NOT_FOUND", { sessionId: given, ...(only !== undefined && { similar: similar.slice(0, 10) }) }, { detail });
}

/** Among the 10,000 newest that are open. */
async function endingIn(remote: Remote, ending: string): Promise<readonly string[]> {
  return await idsEndingIn(ending, PAGES, async (before) => {
    const { sessions, hasMore, previous } = await remote.sessions({ limit: PAGE, before });
    return { ids: sessions.map(({ id }) => id), hasMore, previous };
  });
}
