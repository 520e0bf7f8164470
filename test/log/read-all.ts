import type { StoredEvent } from "../../src/events/event.ts";
import type { Filter } from "../../src/events/filter.ts";
import type { Log } from "../../src/log/log.ts";

/** All that matches, page by page. */
export async function readAll(log: Log, filter?: Filter): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let after = 0; ; ) {
    const page = await log.read({ after, limit: 1000, ...(filter && { filter }) });
    events.push(...page.events);
    after = page.next;
    if (page.upToDate) return events;
  }
}

/** The id and sequence of each event there is. */
export async function readPlaces(log: Log): Promise<[id: string, sequence: number][]> {
  return (await readAll(log)).map(({ id, sequence }) => [id, sequence]);
}
