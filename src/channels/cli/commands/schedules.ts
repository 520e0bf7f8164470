import { Command } from "commander";
import type { ScheduleAnswer } from "../../../client/remote.ts";
import { doing } from "../cli.ts";
import { DONE } from "../failure.ts";
import { print, say } from "../output.ts";
import { shortId } from "../run-id.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { table } from "../table.ts";
import { dateTime, duration } from "../time.ts";

export function schedules(): Command {
  return new Command("schedules")
    .summary("what is executed by the clock, and when next")
    .description("List what is executed by the clock: when each schedule is due next, and the latest run it started.")
    .action(
      doing(async (cli) => {
        const answer = await cli.remote.schedules();
        if (cli.json) await print(jsonLine(answer));
        else {
          for (const line of table(answer.schedules.map(row))) await print(line);
          if (answer.schedules.length === 0) say("no schedules");
        }
        return DONE;
      }),
    );
}

function row({ name, workflow, cron, timeZone, everyMs, nextAt, lastRunId }: ScheduleAnswer): string[] {
  return [
    plain(name),
    plain(workflow),
    cron === undefined ? `every ${duration(everyMs ?? 0)}` : plain(`${cron} ${timeZone ?? ""}`.trimEnd()),
    nextAt === undefined ? "" : `next ${dateTime(nextAt)}`,
    lastRunId === undefined ? "" : `last run ${shortId(lastRunId)}`,
  ];
}
