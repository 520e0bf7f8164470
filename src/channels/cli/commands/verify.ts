import { Command } from "commander";
import { verifyFile } from "../../../stores/upkeep.ts";
import { count } from "../amount.ts";
import { type Cli, doing } from "../cli.ts";
import { type FileOption, fileOf, fileOption } from "../database-file.ts";
import { cross, DONE, FAILED } from "../failure.ts";
import { standBack } from "../low-priority.ts";
import { paint, print, say } from "../output.ts";
import { jsonLine } from "../safe-text.ts";
import { foundLines, verifiedLines } from "../verified-lines.ts";

export function verify(): Command {
  return new Command("verify")
    .summary("read the whole database file, and name what is wrong with it")
    .description("Read the whole database file, while a server runs or not, and name everything that is wrong with it. It changes nothing.")
    .addOption(fileOption())
    .action(doing<FileOption>((cli, options) => look(cli, fileOf(options))));
}

async function look(cli: Cli, file: string): Promise<number> {
  standBack();
  const found = await verifyFile(file);
  const isSound = found.faults.length === 0;
  if (cli.json) await print(jsonLine(found));
  else {
    for (const line of verifiedLines(found)) await print(line);
    if (isSound) await print(`${paint("green", "✔", process.stdout)} no fault`);
    else {
      await print(cross(count(found.faults.length + found.moreFaults, "fault")));
      for (const line of foundLines(found)) await print(line);
      say("  docs/operating.md says how to go back to a backup");
    }
  }
  return isSound ? DONE : FAILED;
}
