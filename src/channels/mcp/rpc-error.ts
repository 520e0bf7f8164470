import { INTERNAL_ERROR, INVALID_PARAMS, ProtocolError } from "@modelcontextprotocol/server";
import { loggedProblem, type Refusals } from "../../operations/logged-problem.ts";

/** An error as a JSON-RPC error with the problem as its data: for what is no tool. @param codes by HTTP status, where others fit better. */
export function rpcError(error: unknown, refusals: Refusals, codes: Readonly<Record<number, number>> = {}): ProtocolError {
  const problem = loggedProblem(error, refusals);
  const { status } = problem;
  const code = codes[status] ?? (status >= 400 && status < 500 ? INVALID_PARAMS : INTERNAL_ERROR);
  return new ProtocolError(code, problem.detail ?? problem.title, problem);
}
