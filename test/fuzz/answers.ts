import type { Logger, NexusOptions } from "nexus-event-system";
import { expect } from "vitest";
import { ERRORS } from "../../src/errors.ts";
import { type Site, serve } from "../http/fixtures/site.ts";

/** A site, and what its log says that nobody expected. */
export interface Watched extends Site {
  readonly surprises: unknown[];
}

/** A site whose logger is listened to: whatever it logs as an error is something that nobody expected. */
export async function watched(options: NexusOptions<any, any, any> = {}): Promise<Watched> {
  const surprises: unknown[] = [];
  const logger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: (facts) => void surprises.push(facts) };
  return { ...(await serve({ logger, ...options })), surprises };
}

/** Whether it logged nothing unexpected since this was last asked. */
export function expectNoSurprise({ surprises }: Pick<Watched, "surprises">): void {
  expect(surprises.splice(0)).toEqual([]);
}

/** Whether it is a problem of the table, with that row's status; and not the row for what nobody expected. */
export function expectProblem(problem: any, status?: number): void {
  const known = Object.hasOwn(ERRORS, problem?.code) && problem.code !== "INTERNAL";
  if (!known) expect(problem).toEqual("a problem of the table");
  const row = ERRORS[problem.code as keyof typeof ERRORS];
  expect([problem.status, status ?? problem.status, problem.type]).toEqual([row.http, row.http, `urn:nexus:error:${problem.code}`]);
}

/** Whether it is one of the answers there are: JSON of a success, or a problem of the table. @returns the body. */
export async function expectAnswer(response: Response): Promise<any> {
  const text = await response.text();
  const body: any = text === "" ? undefined : JSON.parse(text);
  if (!response.ok) {
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expectProblem(body, response.status);
  }
  return body;
}
