import { Command } from "commander";
import { doing } from "../cli.ts";
import { cross, DONE, FAILED } from "../failure.ts";
import { paint, print, say } from "../output.ts";
import { resolveRunId, shortId } from "../run-id.ts";
import { jsonLine, plain } from "../safe-text.ts";

export function runsCancel(): Command {
  return new Command("cancel")
    .summary("end a run")
    .description("Cancel a run. Exits 1 if it had ended in another way.")
    .argument("<ID>", "its id, or the last 4 or more characters of it")
    .option("--reason <text>", "recorded with the end")
    .action(
      doing<{ readonly reason?: string }>(async (cli, options, [given = ""]) => {
        const record = await cli.remote.cancelRun(await resolveRunId(cli.remote, given), options.reason);
        const cancelled = record.status === "cancelled";
        const name = `${plain(record.workflowName)}  run ${shortId(record.runId)}`;
        if (cli.json) await print(jsonLine(record));
        else say(cancelled ? `${paint("green", "✔")} cancelled  ${name}` : cross(`had ${plain(record.status)} already  ${name}`));
        return cancelled ? DONE : FAILED;
      }),
    );
}
