import type { Remote } from "../../client/remote.ts";
import { misuse } from "./failure.ts";

const WHOLE = /^[0-9a-z]{12}$/;
const LEAST = 4;

/**
 * The key that is meant by its id, or by any beginning of it that no other key shares: ended keys count too, they are listed.
 *
 * @throws OPTION_INVALID when several begin so, or it is too short to tell. Where none does, the server says so.
 */
export async function resolveKeyId(remote: Remote, given: string): Promise<string> {
  if (WHOLE.test(given)) return given;
  if (given.length < LEAST) throw misuse("ID", `${given} is shorter than ${LEAST} characters; nexus keys list shows the ids`);
  const similar = (await remote.keys()).keys.map(({ id }) => id).filter((id) => id.startsWith(given));
  const [only, another] = similar;
  if (another !== undefined) throw misuse("ID", `${similar.length} keys begin with ${given}: ${similar.slice(0, 10).join(", ")}`);
  return only ?? given;
}
