import fc from "fast-check";
import { type JsonObject, memoryStore, Nexus, NexusError, type NexusEvent, type OpenStore, type Store } from "nexus-event-system";
import { expect, test } from "vitest";
import { replyOf } from "../http/fixtures/site.ts";
import { quiet } from "../workflows/scene.ts";

/** A store that several apps have open at once, as processes of one database would. */
async function shared(): Promise<Store> {
  const opened: OpenStore = await memoryStore().open({ now: () => Date.now() });
  return {
    name: "shared",
    durability: "none",
    open: async () => ({ ...opened, [Symbol.asyncDispose]: async () => {} }),
    [Symbol.asyncDispose]: async () => {},
  };
}

const leaf: fc.Arbitrary<unknown> = fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 9 }), fc.constant([1]));
const patch = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.oneof(leaf, fc.dictionary(fc.constantFrom("x", "y"), leaf)), {
  maxKeys: 3,
}) as fc.Arbitrary<JsonObject>;

interface Call {
  readonly app: number;
  readonly how: "update" | "count" | "http" | "join";
  readonly patch: JsonObject;
  /** Whether the caller waits before its next call. */
  readonly waits: boolean;
}
const call: fc.Arbitrary<Call> = fc.record({
  app: fc.nat(1),
  how: fc.constantFrom("update", "count", "http", "join"),
  patch,
  waits: fc.boolean(),
});

/** RFC 7396, section 2, once more. */
function merged(target: any, changes: any): any {
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) return changes;
  const result = typeof target === "object" && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}

function made(app: Nexus, id: string, { how, patch: changes }: Call): Promise<unknown> {
  if (how === "count") return app.sessions.update(id, ({ count }) => ({ count: Number(count ?? 0) + 1 }));
  if (how === "join") return app.sessions.join(id, "cli");
  if (how === "update") return app.sessions.update(id, changes);
  const init = { method: "PATCH", body: JSON.stringify(changes), headers: { "content-type": "application/merge-patch+json" } };
  return app.fetch(new Request(`http://127.0.0.1/sessions/${id}`, init)).then(async (response) => {
    const { status, body } = await replyOf(response);
    if (status !== 200) throw new NexusError(body.code, body);
  });
}

test("[session.4] [session.3] however the patches of two apps interleave, all stand, and every reader folds them to the same data", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 25 }), fc.option(fc.nat(24)), async (calls, endAt) => {
      const store = await shared();
      const apps = [0, 1].map(() => new Nexus({ store, logger: quiet }) as Nexus) as [Nexus, Nexus];
      try {
        for (const app of apps) await app.start({ listen: false });
        const { id } = await apps[0].sessions.create({ data: { a: 1 } });
        const live: NexusEvent[] = [];
        const stream = apps[1].subscribe({ sessionId: id, type: "session.*", after: "earliest" });
        const outcomes: Promise<string>[] = [];
        for (const [n, each] of calls.entries()) {
          const outcome = made(apps[each.app] as Nexus, id, each).then(
            () => each.how,
            (error: unknown) => (NexusError.is(error) ? error.code : String(error)),
          );
          outcomes.push(outcome);
          if (endAt === n)
            outcomes.push(
              apps[1 - each.app]!.sessions.end(id).then(
                () => "end",
                (error: unknown) => String(error),
              ),
            );
          if (each.waits) await outcome;
        }
        const all = await Promise.all(outcomes);
        if (endAt === null || endAt >= calls.length) await apps[0].sessions.end(id);
        for await (const event of stream) {
          live.push(event);
          if (event.type === "session.ended") break;
        }
        const folded = live.reduce<any>(
          (data, { data: of }: any) => (of.initialData === undefined ? merged(data, of.changes ?? {}) : of.initialData),
          {},
        );
        const records = await Promise.all(apps.map((app) => app.sessions.get(id)));
        const { events } = await apps[0].getEvents({ sessionId: id, limit: 1000 });
        // Live and read, all of it once, and nothing after the end.
        expect(live.map((event) => event.id)).toEqual(events.map((event) => event.id));
        for (const record of records) expect(record.data).toEqual(folded);
        // Every call that was not refused is there.
        expect(live.filter(({ data }: any) => data.changes !== undefined && data.joined === undefined).length).toBe(
          all.filter((how) => how === "update" || how === "count" || how === "http").length,
        );
        expect(folded.count ?? 0).toBe(all.filter((how) => how === "count").length);
        expect(all.filter((how) => !["update", "count", "http", "join", "end", "SESSION_ENDED"].includes(how))).toEqual([]);
      } finally {
        for (const app of apps) await app.stop({ deadlineMs: 0 });
      }
    }),
    { numRuns: 60 },
  );
});
