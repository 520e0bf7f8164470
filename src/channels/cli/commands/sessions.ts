import { Command } from "commander";
import type { SessionAnswer } from "../../../client/remote.ts";
import { type Cli, doing } from "../cli.ts";
import { type DataOptions, readFields } from "../data.ts";
import { DONE } from "../failure.ts";
import { fields } from "../fields.ts";
import { count } from "../filter-options.ts";
import { paint, print, say } from "../output.ts";
import { shortId } from "../run-id.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { resolveSessionId } from "../session-id.ts";
import { sessionLines } from "../session-lines.ts";
import { table } from "../table.ts";
import { dateTime } from "../time.ts";
import { several } from "../values.ts";

interface ListOptions {
  readonly user?: string;
  readonly limit?: number;
  readonly before?: string;
}
interface CreateOptions extends DataOptions {
  readonly ttlMs?: number;
}

const ID = "its id, or the last 4 or more characters of it";

export function sessions(): Command {
  return new Command("sessions")
    .summary("those that have not ended; sessions create, show, update, join, end")
    .description("List the sessions that have not ended, newest first.")
    .option("--user <id>", "of an owner")
    .option("--limit <n>", "at most so many", count)
    .option("--before <cursor>", "older ones, from where a list ended")
    .action(doing<ListOptions>(list))
    .addCommand(
      withData(new Command("create"))
        .summary("begin one")
        .option("--ttl-ms <ms>", "it ends when it was not used for so long", count)
        .action(doing<CreateOptions>(create)),
    )
    .addCommand(on("show", "one session, also when it has ended", "", (cli, id) => cli.remote.session(id)))
    .addCommand(
      withData(new Command("update"))
        .summary("change its data")
        .description("Change the data of a session: what is given is laid over it, null removes a field.")
        .argument("<ID>", ID)
        .action(doing<DataOptions>(update)),
    )
    .addCommand(on("join", "join it from the command line", "joined", (cli, id) => cli.remote.joinSession(id)))
    .addCommand(on("end", "end it", "ended", (cli, id) => cli.remote.endSession(id)));
}

/** A command about one session, which is its result. */
function on(name: string, summary: string, done: string, call: (cli: Cli, id: string) => Promise<SessionAnswer>): Command {
  return new Command(name)
    .summary(summary)
    .argument("<ID>", ID)
    .action(
      doing(async (cli, _options, [given = ""]) => await told(cli, done, await call(cli, await resolveSessionId(cli.remote, given)))),
    );
}

function withData(command: Command): Command {
  return command
    .option("-d <key=value>", "a field of its data: JSON if it reads as JSON, else text; key=@file takes it from a file", several)
    .option("--data <json>", "its data as a JSON object: as typed, @file, or - for standard input; -d is laid over it");
}

async function create(cli: Cli, options: CreateOptions): Promise<number> {
  return await told(cli, "created", await cli.remote.createSession({ data: await readFields(options), ttlMs: options.ttlMs }));
}

async function update(cli: Cli, options: DataOptions, [given = ""]: readonly string[]): Promise<number> {
  const changes = await readFields(options);
  return await told(cli, "updated", await cli.remote.updateSession(await resolveSessionId(cli.remote, given), changes));
}

async function told(cli: Cli, done: string, session: SessionAnswer): Promise<number> {
  if (cli.json) await print(jsonLine(session));
  else {
    if (done !== "") say(`${paint("green", "✔")} ${done}`);
    for (const line of sessionLines(session)) await print(line);
  }
  return DONE;
}

async function list(cli: Cli, options: ListOptions): Promise<number> {
  const answer = await cli.remote.sessions({ userId: options.user, limit: options.limit, before: options.before });
  if (cli.json) {
    await print(jsonLine(answer));
    return DONE;
  }
  for (const line of table(answer.sessions.map(row))) await print(line);
  if (answer.sessions.length === 0) say("no open sessions");
  if (answer.hasMore && answer.previous !== undefined) say(`  older: ${cli.again({ "--before": answer.previous })}`);
  return DONE;
}

function row({ id, userId, channels, workflowCount, endsAt, data }: SessionAnswer): string[] {
  const runs = `${workflowCount} ${workflowCount === 1 ? "run" : "runs"}`;
  return [shortId(id), plain(userId ?? ""), channels.map(plain).join(", "), runs, `until ${dateTime(endsAt)}`, fields(data)];
}
