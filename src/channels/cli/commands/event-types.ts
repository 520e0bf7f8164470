import { Command } from "commander";
import type { EventTypeAnswer } from "../../../client/remote.ts";
import { type Cli, doing } from "../cli.ts";
import { DONE } from "../failure.ts";
import { fieldLines, fieldNames, neededArguments } from "../field-lines.ts";
import { paint, print, say } from "../output.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { fieldsOf } from "../schema.ts";
import { table } from "../table.ts";

interface Options {
  readonly builtIn?: true;
}

export function eventTypes(): Command {
  return new Command("event-types")
    .summary("what can be emitted; with a name, its fields")
    .description("List the event types that are registered; with a name, show the fields of its data.")
    .argument("[NAME]")
    .option("--built-in", "those that Nexus itself records, instead")
    .action(
      doing<Options>(async (cli, { builtIn = false }, [name]) => {
        if (name !== undefined) {
          const type = await cli.remote.eventType(name);
          for (const line of cli.json ? [jsonLine(type)] : typeLines(type, cli)) await print(line);
          return DONE;
        }
        const answer = await cli.remote.eventTypes();
        if (cli.json) await print(jsonLine(answer));
        else await list(answer.eventTypes, builtIn, cli);
        return DONE;
      }),
    );
}

async function list(types: readonly EventTypeAnswer[], builtIn: boolean, cli: Cli): Promise<void> {
  const rows = types
    .filter((type) => (type.builtIn === true) === builtIn)
    .map((type) => [plain(type.name), versionOf(type), plain(type.description ?? ""), fieldNames(fieldsOf(type.schema))]);
  for (const line of table(rows)) await print(line);
  if (rows.length === 0) say("no event type is registered");
  if (!builtIn) say(`  those that Nexus itself records: ${cli.hint("nexus event-types --built-in")}`);
}

function typeLines(type: EventTypeAnswer, cli: Cli): string[] {
  const { name, description, schema, builtIn } = type;
  const fields = fieldsOf(schema);
  const emit = [`nexus events emit ${plain(name)}`, ...neededArguments(fields, "-d")].join(" ");
  return [
    [paint("bold", plain(name), process.stdout), versionOf(type)].join("  ").trimEnd(),
    ...(description === undefined ? [] : [`  ${plain(description)}`]),
    "",
    ...fieldLines(fields, "no fields are described"),
    "",
    `  ${cli.hint(builtIn === true ? `nexus events tail --type ${plain(name)}` : emit)}`,
  ];
}

function versionOf({ builtIn, version }: EventTypeAnswer): string {
  return builtIn === true ? "" : `version ${version}`;
}
