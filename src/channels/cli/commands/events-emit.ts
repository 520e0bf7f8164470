import { Command } from "commander";
import { doing } from "../cli.ts";
import { type DataOptions, readData } from "../data.ts";
import { DONE } from "../failure.ts";
import { paint, print, say } from "../output.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { resolveSessionId } from "../session-id.ts";
import { several } from "../values.ts";

interface Options extends DataOptions {
  readonly id?: string;
  readonly session?: string;
  readonly broadcast?: true;
}

export function eventsEmit(): Command {
  return new Command("emit")
    .summary("record one")
    .description("Record an event of your own. Its receipt is the result.")
    .argument("<TYPE>", "1 to 128 of A-Z a-z 0-9 _ . -")
    .option("-d <key=value>", "a field of its data: JSON if it reads as JSON, else text; key=@file takes it from a file", several)
    .option("--data <json>", "all its data as JSON: as typed, @file, or - for standard input; -d is laid over it")
    .option("--id <id>", "your own id: the same event sent again is recorded once")
    .option("--session <id>", "in a session: its id, or the last 4 or more characters of it")
    .option("--broadcast", "for everyone who is connected")
    .action(
      doing<Options>(async (cli, options, [type = ""]) => {
        const { id, session, broadcast } = options;
        const data = await readData(options);
        const within = session === undefined ? undefined : await resolveSessionId(cli.remote, session);
        const event = { type, data, ...(id !== undefined && { id }), ...(broadcast !== undefined && { broadcast }) };
        const receipt = await cli.remote.emitEvent(event, within);
        if (!cli.json) say(`${paint("green", "✔")} ${plain(type)} is event ${receipt.sequence}`);
        await print(jsonLine(receipt));
        return DONE;
      }),
    );
}
