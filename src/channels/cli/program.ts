import { Command, CommanderError, Option } from "commander";
import { packageVersion } from "../../observability/version.ts";
import { backup } from "./commands/backup.ts";
import { consumers } from "./commands/consumers.ts";
import { deadLetters } from "./commands/dead-letters.ts";
import { doctor } from "./commands/doctor.ts";
import { eventTypes } from "./commands/event-types.ts";
import { events } from "./commands/events.ts";
import { init } from "./commands/init.ts";
import { keys } from "./commands/keys.ts";
import { mcp } from "./commands/mcp.ts";
import { restore } from "./commands/restore.ts";
import { run } from "./commands/run.ts";
import { runs } from "./commands/runs.ts";
import { schedules } from "./commands/schedules.ts";
import { sessions } from "./commands/sessions.ts";
import { start } from "./commands/start.ts";
import { verify } from "./commands/verify.ts";
import { workflows } from "./commands/workflows.ts";
import { nearest } from "./nearest.ts";

const HELP = `Run workflows and follow every event.

  nexus <command> [options]

Serve     init [folder]           write a first app
          start [app.ts]          serve the app that the file exports as default; --watch restarts it on change
          mcp [--app app.ts]      speak MCP on stdio
Run       workflows [NAME]        what can be run; with a name, its inputs
          run NAME -i key=value   run it and stay until it ends; Ctrl-C cancels
          runs                    newest first; runs show ID, runs cancel ID
          schedules               what is executed by the clock, and when next
Follow    events tail             live; also events list, events wait, events emit
          event-types [NAME]      what can be emitted; with a name, its fields
          sessions                those that are open; sessions create, show ID, update ID, join ID, end ID
Deliver   consumers               where each is; show, pause, resume, rewind, remove
          dead-letters            what could not be delivered; show, redeliver, drop
Operate   keys                    who may call; create USER, revoke ID, rotate ID
          backup TO               copy the database file, while a server writes to it
          restore FROM            put a backup in the place of the database file
          verify                  read the whole database file, and name what is wrong with it
          doctor                  look for what keeps it from working, and say what to do

Everywhere
  --url URL              the server; NEXUS_URL, else http://127.0.0.1:8000
  --output text|json     json: one value a line on standard output, nothing else there
  --help                 also: nexus run --help, nexus run import-orders --help (its inputs)

Exit codes: 0 done · 1 failed · 2 wrong usage · 75 try again later
Try: nexus start, then nexus run NAME in a second terminal, nexus events tail in a third.
`;

/** Where reading a command line has stopped: it cannot be read, or help or the version was wanted, and has been printed. */
export class StoppedAt extends CommanderError {
  /** With all that it is under: `nexus events emit`. */
  readonly command: string;

  constructor({ exitCode, code, message }: CommanderError, command: string) {
    super(exitCode, code, message);
    this.command = command;
  }
}

/** The command line. Parsing it throws what goes wrong in a command, and StoppedAt where it cannot be parsed, or need not be. */
export function program(): Command {
  const root = new Command("nexus")
    .addOption(new Option("--url <url>", "the server; NEXUS_URL, else http://127.0.0.1:8000"))
    .addOption(
      new Option("--output <format>", "json: one value a line on standard output, nothing else there")
        .choices(["text", "json"])
        .default("text"),
    )
    .version(packageVersion(), "--version", "this version");
  const commands = [
    init(),
    start(),
    mcp(),
    workflows(),
    run(),
    runs(),
    schedules(),
    events(),
    eventTypes(),
    sessions(),
    consumers(),
    deadLetters(),
    keys(),
    backup(),
    restore(),
    verify(),
    doctor(),
  ];
  for (const command of commands) root.addCommand(command);
  for (const command of everyIn(root)) {
    command
      .exitOverride((error) => {
        throw new StoppedAt(error, wordsOf(command));
      })
      .configureOutput({ outputError: () => {} })
      .configureHelp({ showGlobalOptions: true })
      .helpCommand(command === root)
      .addHelpText("before", ({ error }) => (error ? "" : knownOrRefused(command)));
  }
  root.helpInformation = () => HELP;
  return root;
}

/** Help is not given for what is not there. @throws StoppedAt where the first word is to be a command and is none. */
function knownOrRefused(command: Command): string {
  const [word] = command.args;
  const takesWords = command.registeredArguments.length > 0 || command.commands.length === 0;
  if (takesWords || word === undefined || word.startsWith("-")) return "";
  const meant = nearest(
    word,
    command.commands.map((known) => known.name()),
  );
  return command.error(`error: unknown command '${word}'${meant === undefined ? "" : `\n(Did you mean ${meant}?)`}`);
}

function wordsOf(command: Command): string {
  return command.parent === null ? command.name() : `${wordsOf(command.parent)} ${command.name()}`;
}

function everyIn(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyIn)];
}
