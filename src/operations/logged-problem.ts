import { NexusError, type Problem, problemOf } from "../errors.ts";
import type { Counters } from "../observability/counters.ts";
import type { Logger } from "../observability/logger.ts";

/** Where it is kept that something was refused. */
export interface Refusals {
  readonly counters: Counters;
  readonly logger: Logger;
}

/** An error as whoever called is told it, which is counted. What nobody expected is logged, and tells the caller nothing of itself. */
export function loggedProblem(error: unknown, { counters, logger }: Refusals): Problem {
  if (!NexusError.is(error) || NexusError.is(error, "INTERNAL")) logger.error({ error }, "a call failed in a way nobody expected");
  const problem = problemOf(error);
  countProblem(problem.code, counters);
  return problem;
}

export function countProblem(code: string, counters: Counters): void {
  counters.add(`problems_${code.toLowerCase()}`);
}
