import { NexusError } from "../errors.ts";
import type { Cursor, NexusEvent } from "../events/event.ts";
import type { Filter } from "../events/filter.ts";
import { cursorOf, positionOf } from "./cursor.ts";
import type { Feed } from "./feed.ts";
import type { Log, LogPage } from "./log.ts";

export interface EventPageQuery {
  readonly filter: Filter;
  readonly after?: string | Date | undefined;
  readonly before?: string | undefined;
  readonly limit?: number | undefined;
  readonly order?: "asc" | "desc" | undefined;
}

export interface EventPage {
  readonly events: readonly NexusEvent[];
  /** The place it is true for. */
  readonly cursor: Cursor;
  /** Whether more match beyond it, in the direction it was read. */
  readonly hasMore: boolean;
  /** Where older events are to be had: pass it as `before`. Not with `after`. */
  readonly previous?: Cursor;
}

/**
 * One page of events: the first after `after`, or the newest (before `before`); oldest first unless `order` is "desc".
 *
 * @throws CURSOR_* · OPTION_INVALID for `after` together with `before`, and for a limit out of 1 to 1000.
 */
export async function eventPage(log: Log, feed: Feed, query: EventPageQuery): Promise<EventPage> {
  const { filter, after, before, limit, order = "asc" } = query;
  const sight = filter.seen?.by;
  if (order !== "asc" && order !== "desc") throw new NexusError("OPTION_INVALID", { option: "order", reason: "it is asc or desc" });
  if (after !== undefined && before !== undefined)
    throw new NexusError("OPTION_INVALID", { option: "before", reason: "it cannot be combined with after" });
  const read = (position: number, direction: "asc" | "desc"): Promise<LogPage> =>
    log.read({ after: position, filter, order: direction, ...(limit !== undefined && { limit }) });
  const shown = (page: LogPage): NexusEvent[] => page.events.map((stored) => feed.event(stored));
  if (after !== undefined) {
    const position = await positionOf(log, after, sight);
    const page = await read(position, "asc");
    const { floor } = page;
    if (position < floor && after === "earliest") return await eventPage(log, feed, query); // It has become later meanwhile.
    if (position < floor)
      throw new NexusError("CURSOR_EXPIRED", { cursor: cursorOf(feed.epoch, position), earliest: cursorOf(feed.epoch, floor) });
    const events = shown(page);
    return { events: order === "asc" ? events : events.reverse(), cursor: await feed.cursorAt(page.next, sight), hasMore: !page.upToDate };
  }
  const position = before === undefined ? (await log.head()).sequence : await positionOf(log, before, sight);
  const page = await read(position, "desc");
  const events = shown(page);
  const oldest = events.at(-1);
  return {
    events: order === "asc" ? events.reverse() : events,
    cursor: await feed.cursorAt(position, sight),
    hasMore: !page.upToDate,
    previous: await feed.cursorAt(oldest === undefined ? page.next : oldest.sequence - 1, sight),
  };
}
