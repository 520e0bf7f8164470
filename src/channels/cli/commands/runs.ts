import { Command } from "commander";
import type { RunAnswer } from "../../../client/remote.ts";
import { type Cli, doing } from "../cli.ts";
import { errorText } from "../event-line.ts";
import { DONE } from "../failure.ts";
import { fields } from "../fields.ts";
import { count } from "../filter-options.ts";
import { paint, print, say } from "../output.ts";
import { shortId } from "../run-id.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { table } from "../table.ts";
import { dateTime, duration } from "../time.ts";
import { runsCancel } from "./runs-cancel.ts";
import { runsShow } from "./runs-show.ts";

interface Options {
  readonly workflow?: string;
  readonly status?: string;
  readonly limit?: number;
  readonly before?: string;
}

export function runs(): Command {
  return new Command("runs")
    .summary("newest first; runs show ID, runs cancel ID")
    .description("List the runs, newest first.")
    .option("--workflow <name>", "of a workflow")
    .option("--status <status>", "queued, running, waiting, completed, failed or cancelled")
    .option("--limit <n>", "at most so many", count)
    .option("--before <cursor>", "older ones, from where a list ended")
    .action(doing<Options>(list))
    .addCommand(runsShow())
    .addCommand(runsCancel());
}

async function list(cli: Cli, options: Options): Promise<number> {
  const answer = await cli.remote.runs({
    workflow: options.workflow,
    status: options.status,
    limit: options.limit,
    before: options.before,
  });
  if (cli.json) {
    await print(jsonLine(answer));
    return DONE;
  }
  for (const line of table(answer.runs.map(row))) await print(line);
  if (answer.runs.length === 0) say("no runs");
  if (answer.hasMore && answer.previous !== undefined) say(`  older: ${cli.again({ "--before": answer.previous })}`);
  return DONE;
}

function row(run: RunAnswer): string[] {
  const style = ({ completed: "green", failed: "red", cancelled: "yellow" } as const)[run.status as "completed"] ?? "cyan";
  return [
    shortId(run.runId),
    paint(style, run.status, process.stdout),
    plain(run.workflowName),
    dateTime(run.startedAt),
    run.durationMs === undefined ? "" : duration(run.durationMs),
    run.error === undefined ? fields(run.inputs) : errorText(run.error),
  ];
}
