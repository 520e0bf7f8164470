import { Command } from "commander";
import { type Restored, restoreFile } from "../../../stores/upkeep.ts";
import { type UnfinishedRun, unfinishedRuns } from "../../../workflows/unfinished-runs.ts";
import { count, size } from "../amount.ts";
import { doing } from "../cli.ts";
import { type FileOption, fileOf, fileOption } from "../database-file.ts";
import { DONE } from "../failure.ts";
import { paint, print } from "../output.ts";
import { shortId } from "../run-id.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { table } from "../table.ts";
import { duration } from "../time.ts";
import { eventsIn } from "../verified-lines.ts";

const SHOWN = 20;

export function restore(): Command {
  return new Command("restore")
    .summary("put a backup in the place of the database file")
    .description(
      "Put a copy of a backup in the place of the database file, while no server runs. The log gets a new epoch: every cursor that readers kept is refused, in words, and nothing is skipped in silence. The file that was there is kept beside it.",
    )
    .argument("<FROM>", "the backup; it stays as it is")
    .addOption(fileOption())
    .action(
      doing<FileOption>(async (cli, options, [from = ""]) => {
        const began = performance.now();
        let runs: readonly UnfinishedRun[] = [];
        const restored = await restoreFile(from, fileOf(options), async (store) => void (runs = await unfinishedRuns(store)));
        const durationMs = Math.round(performance.now() - began);
        const { copy, ...places } = restored;
        if (cli.json) await print(jsonLine({ ...places, ...copy, runs, durationMs }));
        else for (const line of lines(restored, runs, durationMs)) await print(line);
        return DONE;
      }),
    );
}

function lines({ from, copy, kept }: Restored, runs: readonly UnfinishedRun[], durationMs: number): string[] {
  const done = `${paint("green", "✔", process.stdout)} ${plain(copy.file)}  ${eventsIn(copy)}, ${size(copy.bytes)}, restored from ${plain(from)} in ${duration(durationMs)}`;
  const taken =
    runs.length === 0
      ? "  no run is unfinished"
      : `  ${count(runs.length, "run")} ${runs.length === 1 ? "is" : "are"} taken up at the next start`;
  return [
    done,
    ...(kept === undefined ? [] : [`  the file that was there is ${plain(kept)}`]),
    "  cursors from before are refused (CURSOR_UNKNOWN); consumers go on from where they were in the backup; API keys are those of the backup",
    taken,
    ...table(runs.slice(0, SHOWN).map(({ runId, workflowName }) => [`    ${shortId(runId)}`, plain(workflowName)])),
    ...(runs.length > SHOWN ? [`    and ${count(runs.length - SHOWN, "more", "more")}`] : []),
  ];
}
