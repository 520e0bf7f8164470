import { Command } from "commander";
import type { DeadLetterAnswer } from "../../../client/remote.ts";
import { doing } from "../cli.ts";
import { errorText, eventLine } from "../event-line.ts";
import { DONE } from "../failure.ts";
import { count } from "../filter-options.ts";
import { paint, print, say } from "../output.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { table } from "../table.ts";
import { clock, dateTime } from "../time.ts";

interface Options {
  readonly consumer?: string;
  readonly limit?: number;
  readonly after?: string;
}

export function deadLetters(): Command {
  return new Command("dead-letters")
    .summary("what could not be delivered; show, redeliver, drop")
    .description("List the events that consumers could not deliver.")
    .option("--consumer <name>", "of a consumer")
    .option("--limit <n>", "at most so many", count)
    .option("--after <place>", "more of them, from where a list ended")
    .action(
      doing<Options>(async (cli, { consumer, limit, after }) => {
        const answer = await cli.remote.deadLetters({ consumer, limit, after });
        if (cli.json) {
          await print(jsonLine(answer));
          return DONE;
        }
        for (const line of table(answer.deadLetters.map(row))) await print(line);
        if (answer.deadLetters.length === 0) say("no dead letters");
        if (answer.next !== undefined) say(`  more: ${cli.again({ "--after": answer.next })}`);
        return DONE;
      }),
    )
    .addCommand(show())
    .addCommand(redeliver())
    .addCommand(drop());
}

function row({ consumer, eventId, type, attempts, diedAt, errors }: DeadLetterAnswer): string[] {
  const tries = attempts === 1 ? "1 try" : `${attempts} tries`;
  return [plain(consumer), plain(eventId), plain(type), dateTime(diedAt), tries, errorText(errors.at(-1)?.error)];
}

function show(): Command {
  return new Command("show")
    .summary("one of them, with its event and its tries")
    .description("Show a dead letter, with its event and its last tries.")
    .argument("<CONSUMER>")
    .argument("<EVENT>", "the event's id")
    .action(
      doing(async (cli, _options, [consumer = "", eventId = ""]) => {
        const letter = await cli.remote.deadLetter(consumer, eventId);
        if (cli.json) await print(jsonLine(letter));
        else {
          await print(
            `${paint("bold", plain(letter.consumer), process.stdout)}  ${plain(letter.eventId)}  given up ${dateTime(letter.diedAt)}`,
          );
          await print(letter.event === undefined ? "  its event is gone" : `  ${eventLine(letter.event)}`);
          for (const { attempt, at, error } of letter.errors) await print(`  ${clock(at)}  try ${attempt}  ${errorText(error)}`);
        }
        return DONE;
      }),
    );
}

function redeliver(): Command {
  return new Command("redeliver")
    .summary("try once more, now, out of order")
    .description("Try once more to deliver a dead letter, now, out of order. Delivered, it is no dead letter any more.")
    .argument("<CONSUMER>")
    .argument("<EVENT>", "the event's id")
    .action(
      doing(async (cli, _options, [consumer = "", eventId = ""]) => {
        const answer = await cli.remote.redeliver(consumer, eventId);
        if (cli.json) await print(jsonLine(answer));
        else say(`${paint("green", "✔")} delivered, out of order  ${plain(consumer)} ${plain(eventId)}`);
        return DONE;
      }),
    );
}

function drop(): Command {
  return new Command("drop")
    .summary("give it up")
    .description("Give a dead letter up: its event will not be delivered.")
    .argument("<CONSUMER>")
    .argument("<EVENT>", "the event's id")
    .action(
      doing(async (cli, _options, [consumer = "", eventId = ""]) => {
        const answer = await cli.remote.dropDeadLetter(consumer, eventId);
        if (cli.json) await print(jsonLine(answer));
        else say(`${paint("green", "✔")} dropped  ${plain(consumer)} ${plain(eventId)}`);
        return DONE;
      }),
    );
}
