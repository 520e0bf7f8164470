import { Command } from "commander";
import type { JsonObject, JsonValue } from "../../../events/json.ts";
import { doing } from "../cli.ts";
import { DONE, misuse } from "../failure.ts";
import { paint, print, say } from "../output.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { guess, readJson, readPairs, several } from "../values.ts";

interface Options {
  readonly d?: readonly string[];
  readonly data?: string;
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
    .option("--session <id>", "in a session")
    .option("--broadcast", "for everyone who is connected")
    .action(
      doing<Options>(async (cli, options, [type = ""]) => {
        const { id, session, broadcast } = options;
        const data = await readData(options);
        const receipt = await cli.remote.emitEvent({
          type,
          data,
          ...(id !== undefined && { id }),
          ...(session !== undefined && { sessionId: session }),
          ...(broadcast !== undefined && { broadcast }),
        });
        if (!cli.json) say(`${paint("green", "✔")} ${plain(type)} is event ${receipt.sequence}`);
        await print(jsonLine(receipt));
        return DONE;
      }),
    );
}

async function readData(options: Options): Promise<JsonValue> {
  const whole = options.data === undefined ? {} : await readJson("--data", options.data);
  const pairs = await readPairs("-d", options.d ?? []);
  if (pairs.length === 0) return whole;
  if (typeof whole !== "object" || whole === null || Array.isArray(whole))
    throw misuse("--data", "is not a JSON object, so -d has nowhere to go");
  return { ...(whole as JsonObject), ...Object.fromEntries(pairs.map(([key, text]) => [key, guess(text)])) };
}
