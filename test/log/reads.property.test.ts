import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CHANNELS, type NewEvent, type StoredEvent } from "../../src/events/event.ts";
import { parseFilter } from "../../src/events/filter.ts";
import type { Log, LogPage, ReadQuery } from "../../src/log/log.ts";
import { PLACES } from "./places.ts";

const optional = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(value, { nil: undefined });
const few = (...values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...values);

const TYPES = ["a", "a.b", "a.b.c", "ab", "step.started", "step.completed", "workflow.started"] as const;
const anyEvent = fc
  .record({
    type: few(...TYPES),
    channel: fc.constantFrom(...CHANNELS),
    workflowName: optional(few("w1", "w2")),
    runId: optional(few("r1", "r2", "r3")),
    sessionId: optional(few("s1", "s2")),
    userId: optional(few("u1", "u2")),
    // Often the event's own number: that is the id it is recorded with.
    correlationId: optional(few("own", "c1", "1", "2", "20")),
    broadcast: optional(fc.constant(true as const)),
    data: fc.jsonValue(),
    afterMs: fc.nat(3),
  })
  .map((event) => JSON.parse(JSON.stringify(event)) as Omit<NewEvent, "id"> & { readonly afterMs: number });

const values = (...all: readonly string[]): fc.Arbitrary<readonly string[] | undefined> =>
  optional(fc.uniqueArray(few(...all), { minLength: 1, maxLength: 3 }));
const anyFilter = fc.record({
  type: values(...TYPES, "*", "a.*", "a.b.*", "step.*", "none.*"),
  channel: values(...CHANNELS),
  workflow: values("w1", "w2", "w3"),
  runId: values("r1", "r2", "r3", "r4"),
  sessionId: values("s1", "s2", "s3"),
  userId: values("u1", "u2", "u3"),
  correlationId: values("c1", "1", "2", "20", "7"),
  broadcast: optional(few("include", "only")),
  since: optional(fc.nat(100)),
  until: optional(fc.nat(100)),
});
/** Most filters of ten fields find nothing: these have one to three of them. */
const anyNarrowFilter = fc
  .tuple(
    anyFilter,
    fc.subarray(["type", "channel", "workflow", "runId", "sessionId", "userId", "correlationId", "broadcast", "since", "until"], {
      maxLength: 3,
    }),
  )
  .map(([filter, fields]) =>
    parseFilter(Object.fromEntries(Object.entries(filter).filter(([field]) => fields.includes(field))), { times: true }),
  );
const anyRead = fc.record({
  filter: anyNarrowFilter,
  after: fc.nat(70),
  limit: fc.integer({ min: 1, max: 12 }),
  order: fc.constantFrom("asc" as const, "desc" as const),
});

describe.each(Object.entries(PLACES))("%s", (_name, place) => {
  test("[log.12] any read of any log, also trimmed and opened again, is what a look at each event gives", async () => {
    const property = fc.asyncProperty(
      fc.array(anyEvent, { maxLength: 60 }),
      fc.array(anyRead, { minLength: 20, maxLength: 20 }),
      fc.nat(60),
      async (events, reads, trimmed) => {
        await using kept = await place();
        let now = 0;
        const all: StoredEvent[] = [];
        {
          await using opened = await kept.store().open({ now: () => now });
          for (const [i, { afterMs, ...fields }] of events.entries()) {
            now += afterMs;
            const id = String(i + 1);
            const event: NewEvent = { ...fields, id, ...(fields.correlationId === "own" && { correlationId: id }) };
            const append = opened.log.append(event);
            // Some share a commit, and some do not.
            if (afterMs > 0) await append;
            all.push({ ...event, sequence: i + 1, timestamp: (await append).timestamp });
          }
          for (const read of reads) expect(page(await opened.log.read(read))).toEqual(model(all, 0, read));
          await opened.log.trim(trimmed);
        }
        await using reopened = await kept.store().open({ now: () => now });
        const floor = Math.min(trimmed, all.length);
        for (const read of reads) expect(page(await reopened.log.read(read))).toEqual(model(all, floor, read));
        for (const { filter } of reads)
          expect(await readBack(reopened.log, filter)).toEqual(all.slice(floor).filter((event) => filter.matches(event)));
      },
    );
    await fc.assert(property, { numRuns: 25 });
  });
});

function page({ events, next, floor, upToDate }: LogPage): LogPage {
  return { events, next, floor, upToDate };
}

/** A page, made by looking at each event. */
function model(all: readonly StoredEvent[], floor: number, { filter, after, limit = 100, order = "asc" }: ReadQuery): LogPage {
  const asc = order === "asc";
  const range = all.filter(({ sequence }) => sequence > floor && (asc ? sequence > after : sequence <= after));
  const matching = range.filter((event) => filter?.matches(event) ?? true);
  if (!asc) matching.reverse();
  const events = matching.slice(0, limit);
  const upToDate = matching.length <= limit;
  const edge = events.at(-1)?.sequence ?? 0;
  if (asc) return { events, next: upToDate ? Math.max(after, all.length) : edge, floor, upToDate };
  return { events, next: upToDate ? floor : edge - 1, floor, upToDate };
}

/** All that matches, read in small pages and backwards, in the log's order. */
async function readBack(log: Log, filter: NonNullable<ReadQuery["filter"]>): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let after = Number.MAX_SAFE_INTEGER; ; ) {
    const page = await log.read({ after, filter, limit: 3, order: "desc" });
    events.push(...page.events);
    after = page.next;
    if (page.upToDate) return events.reverse();
  }
}
