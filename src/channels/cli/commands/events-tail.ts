import { Command } from "commander";
import { doing } from "../cli.ts";
import { connectionNotes } from "../connection-notes.ts";
import { eventLine } from "../event-line.ts";
import { DONE } from "../failure.ts";
import { type FilterOptions, filterQuery, withFilter } from "../filter-options.ts";
import { interrupted } from "../interrupt.ts";
import { paint, print, say, statusLine } from "../output.ts";
import { jsonLine, plain } from "../safe-text.ts";

interface Options extends FilterOptions {
  readonly after?: string;
}

export function eventsTail(): Command {
  return withFilter(
    new Command("tail")
      .summary("live, until Ctrl-C")
      .description("Follow events live, and every broadcast, across restarts of the server. Ctrl-C ends it and says how to go on later."),
  )
    .option("--after <place>", "begin there, not with what comes next: a cursor, earliest or time:2026-11-23T10:00:00Z")
    .action(
      doing<Options>(async (cli, options) => {
        const signal = interrupted();
        const status = statusLine();
        const notes = connectionNotes(status);
        const query = { ...(await filterQuery(cli, options)), broadcast: "include" };
        let place = options.after;
        let live = false;
        for await (const told of cli.remote.follow(query, { after: place, signal })) {
          if (told.kind === "lost") {
            notes.lost(told);
            continue;
          }
          if (told.kind === "resume") notes.resumed(told);
          if (told.kind === "event") await print(cli.json ? jsonLine({ cursor: told.cursor, event: told.event }) : eventLine(told.event));
          place = told.cursor;
          if (!live && told.kind === "checkpoint" && !told.hasMore) {
            live = true;
            say(paint("dim", `── live at ${plain(place)} ──`));
          }
        }
        status.set();
        if (place !== undefined) say(`  go on later with: ${cli.again({ "--after": place })}`);
        return DONE;
      }),
    );
}
