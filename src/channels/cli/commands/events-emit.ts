import { Command } from "commander";
import { NexusError } from "../../../errors.ts";
import type { JsonObject } from "../../../events/json.ts";
import { type Cli, doing } from "../cli.ts";
import { type DataOptions, readData } from "../data.ts";
import { DONE } from "../failure.ts";
import { misfit } from "../misfit.ts";
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
    .option(
      "-d <key=value>",
      "a field of its data, read as the type's schema says, else JSON if it reads as JSON; key=@file takes it from a file",
      several,
    )
    .option("--data <json>", "all its data as JSON: as typed, @file, or - for standard input; -d is laid over it")
    .option("--id <id>", "your own id: the same event sent again is recorded once")
    .option("--session <id>", "in a session: its id, or the last 4 or more characters of it")
    .option("--broadcast", "for everyone who is connected")
    .action(
      doing<Options>(async (cli, options, [type = ""]) => {
        const { id, session, broadcast } = options;
        const schema = options.d === undefined ? undefined : await schemaOf(cli, type);
        const data = await readData(options, schema);
        const within = session === undefined ? undefined : await resolveSessionId(cli.remote, session);
        const event = { type, data, ...(id !== undefined && { id }), ...(broadcast !== undefined && { broadcast }) };
        let receipt: Awaited<ReturnType<Cli["remote"]["emitEvent"]>>;
        try {
          receipt = await cli.remote.emitEvent(event, within);
        } catch (error) {
          if (cli.json || schema === undefined || !NexusError.is(error, "EVENT_INVALID")) throw error;
          return misfit(`data does not fit ${type}`, schema, data as JsonObject, error.details.faults);
        }
        if (!cli.json) say(`${paint("green", "✔")} ${plain(type)} is event ${receipt.sequence}`);
        await print(jsonLine(receipt));
        return DONE;
      }),
    );
}

/** The schema that a registered type's fields are read by. One who may emit need not be one who may ask for it. */
async function schemaOf(cli: Cli, type: string): Promise<JsonObject | undefined> {
  try {
    return (await cli.remote.eventType(type)).schema;
  } catch (error) {
    if (NexusError.is(error, "EVENT_TYPE_NOT_FOUND") || NexusError.is(error, "FORBIDDEN")) return undefined;
    throw error;
  }
}
