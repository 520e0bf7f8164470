import type { NexusEvent } from "../events/event.ts";
import type { Sight } from "../events/filter.ts";
import { utf8Bytes } from "../events/json.ts";
import type { EventPage } from "../log/event-page.ts";
import type { Feed } from "../log/feed.ts";
import type { Sparing } from "./operation.ts";

interface Read {
  readonly after: string | undefined;
  readonly sight: Sight | undefined;
}

/** As much of a page as an answer may hold: of one after a place the oldest, else the newest. One event at least. */
export async function fitting(feed: Feed, page: EventPage, sparing: Sparing | undefined, { after, sight }: Read): Promise<EventPage> {
  if (sparing === undefined) return page;
  const ascending = [...page.events].sort((one, other) => one.sequence - other.sequence);
  const kept = after === undefined ? within(ascending.reverse(), sparing.bytes) : within(ascending, sparing.bytes);
  const last = kept.at(-1);
  if (last === undefined || kept.length === page.events.length) return page;
  const events = page.events.filter((event) => kept.includes(event));
  if (after !== undefined) return { events, cursor: await feed.cursorAt(last.sequence, sight), hasMore: true };
  return { ...page, events, hasMore: true, previous: await feed.cursorAt(last.sequence - 1, sight) };
}

function within(events: readonly NexusEvent[], bytes: number): readonly NexusEvent[] {
  let size = 0;
  return events.filter((event, index) => {
    // Sizes only add up: what comes after one that did not fit does not fit either.
    size += utf8Bytes(JSON.stringify(event));
    return index === 0 || size <= bytes;
  });
}
