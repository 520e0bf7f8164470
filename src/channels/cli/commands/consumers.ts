import { Command } from "commander";
import type { ConsumerAnswer, Remote } from "../../../client/remote.ts";
import { doing } from "../cli.ts";
import { consumerLines, consumerRow } from "../consumer-lines.ts";
import { DONE } from "../failure.ts";
import { paint, print, say } from "../output.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { table } from "../table.ts";

export function consumers(): Command {
  return new Command("consumers")
    .summary("where each consumer is; show, pause, resume, rewind, remove")
    .description("List the durable consumers: how far each is, what it tries again, and how many dead letters it has.")
    .action(
      doing(async (cli) => {
        const answer = await cli.remote.consumers();
        if (cli.json) await print(jsonLine(answer));
        else {
          for (const line of table(answer.consumers.map(consumerRow))) await print(line);
          if (answer.consumers.length === 0) say("no consumers");
          if (answer.consumers.some(({ deadLetters }) => deadLetters > 0)) say(`  ${cli.hint("nexus dead-letters")}`);
        }
        return DONE;
      }),
    )
    .addCommand(show())
    .addCommand(changing("pause", "begin no further delivery, until it is resumed", "paused", (remote, name) => remote.pauseConsumer(name)))
    .addCommand(changing("resume", "go on where it is, also when it has stopped", "resumed", (remote, name) => remote.resumeConsumer(name)))
    .addCommand(rewind())
    .addCommand(remove());
}

function show(): Command {
  return new Command("show")
    .summary("one consumer")
    .description("Show one consumer.")
    .argument("<NAME>")
    .action(
      doing(async (cli, _options, [name = ""]) => {
        const consumer = await cli.remote.consumer(name);
        for (const line of cli.json ? [jsonLine(consumer)] : consumerLines(consumer)) await print(line);
        return DONE;
      }),
    );
}

function changing(
  command: string,
  summary: string,
  done: string,
  change: (remote: Remote, name: string) => Promise<ConsumerAnswer>,
): Command {
  return new Command(command)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .argument("<NAME>")
    .action(
      doing(async (cli, _options, [name = ""]) => {
        const consumer = await change(cli.remote, name);
        if (cli.json) await print(jsonLine(consumer));
        else say(`${paint("green", "✔")} ${done}  ${plain(consumer.name)}, at ${plain(consumer.cursor)}`);
        return DONE;
      }),
    );
}

function rewind(): Command {
  return new Command("rewind")
    .summary("go on from another place")
    .description("Send a consumer to another place: the first event it delivers is the one after that.")
    .argument("<NAME>")
    .requiredOption("--to <place>", "a cursor, earliest, latest or time:2026-11-23T10:00:00Z")
    .action(
      doing<{ readonly to: string }>(async (cli, { to }, [name = ""]) => {
        const consumer = await cli.remote.rewindConsumer(name, to);
        if (cli.json) await print(jsonLine(consumer));
        else say(`${paint("green", "✔")} rewound  ${plain(consumer.name)}, to ${plain(to)}`);
        return DONE;
      }),
    );
}

function remove(): Command {
  return new Command("remove")
    .summary("forget where it is, and its dead letters")
    .description("Forget where a consumer is, and its dead letters. Code that names it begins anew with its next start.")
    .argument("<NAME>")
    .action(
      doing(async (cli, _options, [name = ""]) => {
        const answer = await cli.remote.removeConsumer(name);
        if (cli.json) await print(jsonLine(answer));
        else
          say(
            `${paint("green", "✔")} removed  ${plain(answer.name)}${answer.deadLetters > 0 ? `, and ${answer.deadLetters} dead letters` : ""}`,
          );
        return DONE;
      }),
    );
}
