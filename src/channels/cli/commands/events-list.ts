import { Command, Option } from "commander";
import { doing } from "../cli.ts";
import { eventLine } from "../event-line.ts";
import { DONE } from "../failure.ts";
import { count, type FilterOptions, filterQuery, withFilter } from "../filter-options.ts";
import { print, say } from "../output.ts";
import { jsonLine } from "../safe-text.ts";

interface Options extends FilterOptions {
  readonly after?: string;
  readonly before?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
  readonly order?: "asc" | "desc";
}

export function eventsList(): Command {
  return withFilter(
    new Command("list")
      .summary("a page of what is recorded")
      .description(
        "List recorded events: the newest page, or with --after the page from there on. Oldest first, unless --order says otherwise.",
      ),
  )
    .option("--after <place>", "a cursor, earliest, latest or time:2026-11-23T10:00:00Z")
    .option("--before <cursor>", "the page that ends here")
    .option("--since <time>", "at this time or later: RFC 3339 with a zone, or milliseconds")
    .option("--until <time>", "before this time")
    .option("--limit <n>", "at most so many", count)
    .addOption(new Option("--order <order>", "oldest or newest first").choices(["asc", "desc"]))
    .action(
      doing<Options>(async (cli, options) => {
        const { after, before, since, until, limit, order } = options;
        const answer = await cli.remote.events({ ...(await filterQuery(cli, options)), after, before, since, until, limit, order });
        if (cli.json) {
          await print(jsonLine(answer));
          return DONE;
        }
        for (const event of answer.events) await print(eventLine(event));
        if (answer.events.length === 0) say("no such events");
        if (answer.hasMore && after !== undefined) say(`  more: ${cli.again({ "--after": answer.cursor })}`);
        else if (answer.hasMore && answer.previous !== undefined) say(`  older: ${cli.again({ "--before": answer.previous })}`);
        return DONE;
      }),
    );
}
