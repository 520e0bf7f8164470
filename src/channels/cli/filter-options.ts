import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { Query } from "../../client/call.ts";
import { NexusError } from "../../errors.ts";
import type { Cli } from "./cli.ts";
import { resolveRunId } from "./run-id.ts";
import { resolveSessionId } from "./session-id.ts";
import { several } from "./values.ts";

/** Which events: of a field any value, of the fields all. */
export interface FilterOptions {
  readonly type?: readonly string[];
  readonly run?: readonly string[];
  readonly workflow?: readonly string[];
  readonly channel?: readonly string[];
  readonly session?: readonly string[];
  readonly user?: readonly string[];
  readonly correlation?: readonly string[];
}

/** Adds the options that pick events. */
export function withFilter(command: Command): Command {
  return command
    .option("--type <types>", "a type, or a pattern such as 'workflow.*'; several with commas", several)
    .option("--run <ids>", "of a run: its id, or the last 4 or more characters of it", several)
    .option("--workflow <names>", "of a workflow's runs", several)
    .option("--channel <channels>", "that came in by api, cli, mcp, app or schedule", several)
    .option("--session <ids>", "of a session: its id, or the last 4 or more characters of it; or a label", several)
    .option("--user <ids>", "of an owner", several)
    .option("--correlation <ids>", "of all that one cause led to: its correlationId", several);
}

/** The options as the server's query. */
export async function filterQuery(cli: Cli, options: FilterOptions): Promise<Query> {
  const runId: string[] = [];
  for (const given of (options.run ?? []).flatMap((ids) => ids.split(","))) runId.push(await resolveRunId(cli.remote, given));
  return {
    type: options.type,
    runId,
    workflow: options.workflow,
    channel: options.channel,
    sessionId: await Promise.all((options.session ?? []).flatMap((ids) => ids.split(",")).map((given) => sessionOf(cli, given))),
    userId: options.user,
    correlationId: options.correlation,
  };
}

/** What `nexus sessions` shows of a session stands for it; any other word is a label, and is looked for as it is. */
async function sessionOf(cli: Cli, given: string): Promise<string> {
  if (!/^[0-9a-f]{4,12}$/.test(given)) return given;
  try {
    return await resolveSessionId(cli.remote, given);
  } catch (error) {
    if (NexusError.is(error, "SESSION_NOT_FOUND") && error.details.similar === undefined) return given;
    throw error;
  }
}

/** Reads the value of an option that counts something. */
export function count(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError("It is not a whole number from 1 on.");
  return Number(value);
}
