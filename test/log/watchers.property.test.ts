import fc from "fast-check";
import { expect, test } from "vitest";
import type { NewEvent } from "../../src/events/event.ts";
import { type Filter, parseFilter, type Sight, seenBy } from "../../src/events/filter.ts";

import { FeedEvent } from "../../src/log/batch.ts";
import { bodyOf } from "../../src/log/event-body.ts";
import { Watchers } from "../../src/log/watchers.ts";

const few = fc.constantFrom("a", "b", "c");
const types = fc.constantFrom("a", "b", "a.b", "a.c", "a.b.c");
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.uniqueArray(value, { minLength: 1, maxLength: 3 });

const anyFilter: fc.Arbitrary<Filter> = fc
  .record(
    {
      type: some(fc.oneof(types, fc.constantFrom("*", "a.*", "a.b.*"))),
      workflow: some(few),
      runId: some(few),
      sessionId: some(few),
      userId: some(few),
      correlationId: some(few),
      channel: some(fc.constantFrom("api", "app")),
      broadcast: fc.constantFrom("include", "only"),
    },
    { requiredKeys: [] },
  )
  .map((fields) => parseFilter(fields));
const anySight: fc.Arbitrary<Sight | undefined> = fc
  .option(few, { nil: undefined })
  .map((userId) => userId && { userId, sees: (event) => event.visibility === "public" || event.userId === userId });
const anyEvent = fc.record(
  {
    type: types,
    channel: fc.constantFrom("api" as const, "app" as const),
    visibility: fc.constantFrom("public" as const, "owner" as const, "operators" as const),
    workflowName: few,
    runId: few,
    sessionId: few,
    userId: few,
    correlationId: few,
    broadcast: fc.constant(true as const),
  },
  { requiredKeys: ["type", "channel", "visibility"] },
);

test("[subscription.2] whoever waits for a filter is woken just before the first event that matches it, of those that come at once, and nobody else is woken", () => {
  const property = fc.property(
    fc.array(fc.tuple(anyFilter, anySight, fc.boolean()), { maxLength: 30 }),
    fc.array(fc.array(anyEvent, { maxLength: 4 }), { maxLength: 6 }),
    (readers, advances) => {
      const watchers = new Watchers();
      const filters = readers.map(([filter, sight]) => seenBy(filter, sight));
      const woken = filters.map((): number[] => []);
      const ends = filters.map((filter, reader) => watchers.add(filter, (position) => woken[reader]?.push(position)));
      for (const [reader, [, , leaves]] of readers.entries()) if (leaves) ends[reader]?.();
      let sequence = 0;
      const all: FeedEvent[][] = [];
      for (const advance of advances) {
        const events = advance.map((fields) => {
          const event: NewEvent = { id: String(++sequence), source: "t/1", data: null, ...fields };
          return new FeedEvent("0123456789", { id: event.id, sequence, timestamp: 0, body: bodyOf(event) });
        });
        all.push(events);
        watchers.advance(events, (error) => {
          throw error;
        });
      }
      const expected = filters.map((filter, reader) => {
        if (readers[reader]?.[2] === true) return [];
        const firsts = all.map((events) => events.find(({ event }) => filter.matches(event)));
        return firsts.flatMap((first) => (first === undefined ? [] : [first.event.sequence - 1]));
      });
      expect(woken).toEqual(expected);
    },
  );
  fc.assert(property, { numRuns: 500 });
});
