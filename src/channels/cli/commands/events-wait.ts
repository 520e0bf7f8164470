import { Command } from "commander";
import { lossOf } from "../../../client/loss.ts";
import { doing } from "../cli.ts";
import { connectionNotes } from "../connection-notes.ts";
import { eventLine } from "../event-line.ts";
import { DONE, FAILED, TRY_AGAIN } from "../failure.ts";
import { count, type FilterOptions, filterQuery, withFilter } from "../filter-options.ts";
import { interrupted } from "../interrupt.ts";
import { paint, print, say, statusLine } from "../output.ts";
import { jsonLine, plain } from "../safe-text.ts";

interface Options extends FilterOptions {
  readonly after?: string;
  readonly waitMs?: number;
}

export function eventsWait(): Command {
  return withFilter(
    new Command("wait")
      .summary("until one comes")
      .description(
        "Wait for the first event that matches, print it and end. Exits 75 when none came in time, 1 when events after --after are gone.",
      ),
  )
    .option("--after <place>", "also what came since: a cursor, earliest or time:2026-11-23T10:00:00Z")
    .option("--wait-ms <ms>", "how long; without it, until one comes", count)
    .action(
      doing<Options>(async (cli, options) => {
        const query = await filterQuery(cli, options);
        const stop = interrupted();
        const signal = options.waitMs === undefined ? stop : AbortSignal.any([stop, AbortSignal.timeout(options.waitMs)]);
        const status = statusLine();
        const notes = connectionNotes(status);
        for await (const told of cli.remote.follow(query, { after: options.after, signal })) {
          if (told.kind === "lost") notes.lost(told);
          if (told.kind === "resume") {
            // What is waited for may be among what is missing: better to say so than to wait for ever.
            if (!told.recovered) throw lossOf(told);
            if (told.again) notes.resumed(told);
            else if (!cli.json) say(paint("dim", `── waiting from ${plain(told.from)} ──`));
          }
          if (told.kind === "event") {
            await print(cli.json ? jsonLine({ cursor: told.cursor, event: told.event }) : eventLine(told.event));
            return DONE;
          }
        }
        status.set();
        if (stop.aborted) return FAILED;
        if (!cli.json) say(`no such event within ${options.waitMs} ms`);
        return TRY_AGAIN;
      }),
    );
}
