import { NexusError, type Problem } from "../../errors.ts";
import { loggedProblem, type Refusals } from "../../operations/logged-problem.ts";

/** An error as an HTTP answer. What nobody expected is logged, and tells the caller nothing of itself. */
export function problemResponse(error: unknown, refusals: Refusals): Response {
  return problemAnswer(error, loggedProblem(error, refusals));
}

/** @param problem the error's. */
export function problemAnswer(error: unknown, problem: Problem): Response {
  return new Response(JSON.stringify(problem), { status: problem.status, headers: problemHeaders(error, problem) });
}

export function problemHeaders(error: unknown, problem: Problem): Record<string, string> {
  const headers: Record<string, string> = { "content-type": "application/problem+json", "cache-control": "no-store" };
  if (typeof problem["retryAfterMs"] === "number") headers["retry-after"] = String(Math.ceil(problem["retryAfterMs"] / 1000));
  if (NexusError.is(error, "METHOD_NOT_ALLOWED")) headers["allow"] = error.details.allowed.join(", ");
  if (NexusError.is(error, "UNAUTHENTICATED")) headers["www-authenticate"] = "Bearer";
  if (NexusError.is(error, "ENCODING_UNSUPPORTED")) headers["accept-encoding"] = "identity";
  if (NexusError.is(error, "UPGRADE_REQUIRED")) headers["upgrade"] = "websocket";
  return headers;
}
