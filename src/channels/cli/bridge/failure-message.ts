import { problemOf } from "../../../errors.ts";
import { errorMessage, type RpcId, type RpcMessage } from "../../message-lines.ts";

const INVALID_REQUEST = -32_600;
const INTERNAL_ERROR = -32_603;
const AGAIN = "When it is back, ask again: waiting from the same cursor misses nothing. Whether anything else was done, its events tell.";

/** What became of a request that the server did not answer as MCP has it: in words, and as the problem. */
export function failureMessage(id: RpcId, error: unknown): RpcMessage {
  const problem = problemOf(error);
  const { code, status, title, detail = title } = problem;
  const isAway = code === "SERVER_UNREACHABLE" || code === "SERVER_STOPPING";
  return errorMessage(
    id,
    status >= 400 && status < 500 ? INVALID_REQUEST : INTERNAL_ERROR,
    `${code}: ${detail}${isAway ? ` ${AGAIN}` : ""}`,
    problem,
  );
}
