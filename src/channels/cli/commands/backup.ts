import { Command } from "commander";
import { backupFile } from "../../../stores/upkeep.ts";
import { size } from "../amount.ts";
import { doing } from "../cli.ts";
import { type FileOption, fileOf, fileOption } from "../database-file.ts";
import { DONE } from "../failure.ts";
import { standBack } from "../low-priority.ts";
import { paint, print } from "../output.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { duration } from "../time.ts";
import { eventsIn } from "../verified-lines.ts";

export function backup(): Command {
  return new Command("backup")
    .summary("copy the database file, while a server writes to it")
    .description(
      "Copy the database file as it is at one moment, while a server may write to it. The copy is verified, and on stable storage when this ends.",
    )
    .argument("<TO>", "the file to make; there is none of that name yet")
    .addOption(fileOption())
    .action(
      doing<FileOption>(async (cli, options, [to = ""]) => {
        const began = performance.now();
        const { from, copy } = await backupFile(fileOf(options), to, standBack);
        const durationMs = Math.round(performance.now() - began);
        if (cli.json) await print(jsonLine({ from, ...copy, durationMs }));
        else
          await print(
            `${paint("green", "✔", process.stdout)} ${plain(to)}  ${eventsIn(copy)}, ${size(copy.bytes)}, verified, in ${duration(durationMs)}`,
          );
        return DONE;
      }),
    );
}
