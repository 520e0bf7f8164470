import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NewEvent } from "../../src/events/event.ts";
import { PLACES } from "./places.ts";

/** Appends to two runs, a session and the app, with ids out of a few and expectations that are right, wrong, none or that of the call before. */
const anyAppend = fc.record({
  id: fc.integer({ min: 1, max: 25 }).map(String),
  about: fc.constantFrom("runs/1", "runs/2", "sessions/1", "app"),
  content: fc.nat(4).map((n) => n === 0),
  expects: fc.constantFrom("last", "last", "last", "nothing", "null", "5"),
  awaited: fc.nat(4).map((n) => n === 0),
});
const anyPut = fc.record({
  key: fc.constantFrom("a", "a/b", "c"),
  value: fc.jsonValue(),
  revision: fc.constantFrom("any", "new", "same"),
  remove: fc.boolean(),
  awaited: fc.boolean(),
});

describe.each(Object.entries(PLACES))("%s", (_name, place) => {
  test("[log.8] any appends, many sharing commits, are taken and refused as if each had come alone", async () => {
    const property = fc.asyncProperty(fc.array(anyAppend, { minLength: 1, maxLength: 60 }), fc.nat(60), async (appends, reopenAt) => {
      await using kept = await place();
      let opened = await kept.store().open({ now: () => 7 });
      const taken: { readonly id: string; readonly about: string; readonly content: boolean }[] = [];
      const outcomes: Promise<unknown>[] = [];
      const expected: unknown[] = [];
      for (const [i, { id, about, content, expects, awaited }] of appends.entries()) {
        const last = taken.findLast((event) => event.about === about)?.id ?? null;
        const expect_ =
          expects === "last" ? { expect: last } : expects === "nothing" ? undefined : { expect: expects === "null" ? null : expects };
        const outcome = opened.log.append(eventAbout(about, id, content), expect_).then(
          ({ sequence, recorded }) => [sequence, recorded],
          (error: { readonly code?: string }) => error.code,
        );
        outcomes.push(outcome);
        const known = taken.findIndex((event) => event.id === id);
        if (known >= 0)
          expected.push(taken[known]?.about === about && taken[known]?.content === content ? [known + 1, false] : "EVENT_ID_CONFLICT");
        else if (expect_ !== undefined && expect_.expect !== last) expected.push("STREAM_CONFLICT");
        else expected.push([taken.push({ id, about, content }), true]);
        if (awaited) await outcome;
        if (i !== reopenAt) continue;
        await opened[Symbol.asyncDispose]();
        opened = await kept.store().open({ now: () => 7 });
      }
      expect(await Promise.all(outcomes)).toEqual(expected);
      expect((await opened.log.read({ after: 0 })).events.map(({ id }) => id)).toEqual(taken.map(({ id }) => id));
      await opened[Symbol.asyncDispose]();
    });
    await fc.assert(property, { numRuns: 30 });
  });

  test("any puts and deletes leave the state a map would have", async () => {
    const property = fc.asyncProperty(fc.array(anyPut, { maxLength: 40 }), async (puts) => {
      await using kept = await place();
      const values = new Map<string, string>();
      {
        await using opened = await kept.store().open({ now: () => 7 });
        for (const { key, value, revision, remove, awaited } of puts) {
          const same = revision === "same" ? ((await opened.state.get(key))?.revision ?? 0) : 0;
          const options = revision === "any" ? undefined : { revision: same };
          const call = remove ? opened.state.delete(key, options) : opened.state.put(key, value, options);
          const refused = revision === "new" && values.has(key);
          const outcome = call.then(
            () => false,
            (error: { readonly code?: string }) => error.code === "STATE_CONFLICT",
          );
          if (!refused && remove) values.delete(key);
          if (!refused && !remove) values.set(key, JSON.stringify(value));
          if (awaited) expect(await outcome).toBe(refused);
        }
      }
      await using reopened = await kept.store().open({ now: () => 7 });
      const { entries } = await reopened.state.list("");
      expect(entries.map(({ key, value }) => [key, JSON.stringify(value)])).toEqual([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
      expect(new Set(entries.map(({ revision }) => revision)).size).toBe(entries.length);
    });
    await fc.assert(property, { numRuns: 25 });
  });
});

function eventAbout(stream: string, id: string, content: boolean): NewEvent {
  const [kind, name = ""] = stream.split("/");
  const about =
    kind === "runs"
      ? { type: "step.started", runId: name }
      : kind === "sessions"
        ? { type: "session.updated", sessionId: name }
        : { type: "THING_HAPPENED" };
  return { id, ...about, channel: "app", source: "test/abc123", visibility: "operators", data: { content, stream } };
}
