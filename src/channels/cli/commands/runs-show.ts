import { Command } from "commander";
import type { Remote, RunAnswer } from "../../../client/remote.ts";
import type { Cursor, NexusEvent } from "../../../events/event.ts";
import { type Cli, doing } from "../cli.ts";
import { consequences, isOwn } from "../consequences.ts";
import { errorText } from "../event-line.ts";
import { DONE } from "../failure.ts";
import { fields } from "../fields.ts";
import { onTerminal, paint, print } from "../output.ts";
import { resolveRunId } from "../run-id.ts";
import { jsonLine, pad, plain } from "../safe-text.ts";
import { dateTime, duration } from "../time.ts";
import { timeline } from "../timeline.ts";

const TITLE_COLUMNS = 60;
/** So many events are looked through for what a run led to, and so many lines of it are shown. */
const LOOKS = 1_000;
const SHOWN = 20;

export function runsShow(): Command {
  return new Command("show")
    .summary("what happened in a run, step by step")
    .description("Show what happened in a run, step by step.")
    .argument("<ID>", "its id, or the last 4 or more characters of it")
    .action(
      doing(async (cli, _options, [given = ""]) => {
        const runId = await resolveRunId(cli.remote, given);
        const record = await cli.remote.run(runId);
        if (cli.json) await print(jsonLine(record));
        else {
          const own = (await eventsOf(cli.remote, runId)).filter((event) => isOwn(runId, event));
          for (const line of [...headOf(record), "", ...timeline(own, onTerminal(process.stdout))]) await print(line);
          await printThen(cli, runId, own);
        }
        return DONE;
      }),
    );
}

function headOf(run: RunAnswer): string[] {
  const sofar = run.durationMs === undefined ? "" : ` in ${duration(run.durationMs)}`;
  const title = `${paint("bold", plain(run.workflowName), process.stdout)}  ${plain(run.status)}${sofar}`;
  const by = [`by ${plain(run.userId ?? "nobody")} on ${plain(run.channel)}`];
  if (run.sessionId !== undefined) by.push(`session ${plain(run.sessionId)}`);
  by.push(dateTime(run.startedAt));
  const facts: (readonly [string, string])[] = [["inputs", fields(run.inputs)]];
  if (run.result !== undefined) facts.push(["result", fields(run.result)]);
  if (run.error !== undefined) facts.push(["error", errorText(run.error)]);
  if (run.reason !== undefined) facts.push(["reason", plain(run.reason)]);
  return [
    `${pad(title, TITLE_COLUMNS - 2)}  run ${plain(run.runId)}`,
    `  ${by.join(", ")}`,
    ...facts.map(([name, value]) => `  ${name}  ${value}`.trimEnd()),
  ];
}

/** What came of it: the first of its correlation after it began. */
async function printThen(cli: Cli, runId: string, own: readonly NexusEvent[]): Promise<void> {
  const [first] = own;
  if (first?.correlationId === undefined) return;
  const { events, hasMore } = await cli.remote.events({ correlationId: first.correlationId, after: first.cursor, limit: LOOKS });
  const lines = consequences(runId, own, events);
  for (const line of lines.slice(0, SHOWN)) await print(line);
  if (lines.length > SHOWN || hasMore) {
    await print(`            and more: nexus events list --correlation ${plain(first.correlationId)} --after ${plain(first.cursor)}`);
  }
}

async function eventsOf(remote: Remote, runId: string): Promise<NexusEvent[]> {
  const events: NexusEvent[] = [];
  let after: Cursor = "earliest";
  for (;;) {
    const page = await remote.runEvents(runId, { after, limit: 1_000 });
    events.push(...page.events);
    if (!page.hasMore) return events;
    after = page.cursor;
  }
}
