import { NexusError, type Problem, problemOf } from "../errors.ts";
import type { Logger } from "../observability/logger.ts";

/** An error as whoever called is told it. What nobody expected is logged, and tells the caller nothing of itself. */
export function loggedProblem(error: unknown, logger: Logger): Problem {
  if (!NexusError.is(error) || NexusError.is(error, "INTERNAL")) logger.error({ error }, "a call failed in a way nobody expected");
  return problemOf(error);
}
