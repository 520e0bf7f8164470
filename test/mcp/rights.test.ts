import type { Nexus } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { cookie, guarded } from "../access/fixtures/people.ts";
import { mark, ROWS } from "../access/rows.ts";
import { TOOL_ROWS, toolCall, toolOf } from "./fixtures/tool-call.ts";
import { type Answer, ERAS, type Era, Line } from "./fixtures/wire.ts";

type At = Awaited<ReturnType<typeof guarded>>;

const UNKNOWN = "0198f3a4-0000-7000-8000-000000000000";

/** How a caller comes to be answered. In the era before that needs no connection, either. */
const CALLERS = [...ERAS, "2025-11-25 without a connection"] as const;
type Caller = (typeof CALLERS)[number];

async function line(at: At, caller: Caller, name: string): Promise<Line> {
  const era: Era = caller === "2026-07-28" ? caller : "2025-11-25";
  return caller === era ? await Line.open(at.url, era, cookie(name)) : Line.to(at.url, era, cookie(name));
}

/** How far the log has got, but for the steps of runs that go on by themselves. */
async function headOf(app: Nexus): Promise<number> {
  return (await app.getEvents({ type: ["workflow.*", "session.*", "a"], limit: 1 })).events[0]?.sequence ?? 0;
}

/** The problem in an answer, as a tool tells it; or, with its code, as the rest of the protocol does. */
function problemIn({ message }: Answer): any {
  const { result, error } = message;
  return error === undefined ? JSON.parse(result.content[1].text) : error.data;
}

function headersOf({ headers }: Answer): readonly unknown[] {
  return [...headers].filter(([name]) => !["date", "content-length", "mcp-session-id"].includes(name));
}

/** What is read rather than called, and what of it somebody may own. */
const RESOURCES = {
  "nexus://events": { scope: "events:read" },
  "nexus://events?after=earliest&limit=50": { scope: "events:read" },
  "nexus://workflows": { scope: "workflows:read" },
  "nexus://workflows/double": { scope: "workflows:read" },
  "nexus://runs/{id}": { scope: "workflows:read", of: "runs.get" },
  "nexus://runs/{id}/events": { scope: "events:read", of: "runs.events" },
  "nexus://sessions/{id}": { scope: "events:read", of: "sessions.get" },
} as const;

describe.each(CALLERS)("%s", (era) => {
  test("[access.1] [access.2] without a credential every message is 401, whatever it asks, and nothing is done", async () => {
    await using at = await guarded();
    const before = await headOf(at.app);
    const nobody = Line.to(at.url, era === "2026-07-28" ? era : "2025-11-25");
    const asked = [
      nobody.initialize(),
      ...["tools/list", "resources/list", "resources/templates/list", "events/list", "subscriptions/listen", "server/discover"].map(
        (method) => nobody.ask(method),
      ),
      ...TOOL_ROWS.map(([operation, row]) => nobody.call(toolOf(operation), toolCall(operation, row.ask("x")).args)),
      ...Object.keys(RESOURCES).map((uri) => nobody.ask("resources/read", { uri })),
    ];
    for (const { status, message } of await Promise.all(asked))
      expect([status, message.code, message.status]).toEqual([401, "UNAUTHENTICATED", 401]);
    for (const response of [await nobody.get(), await nobody.delete()]) expect(response.status).toBe(401);
    expect(await headOf(at.app)).toBe(before);
  });

  describe.each(TOOL_ROWS)("the tool of %s", (operation, row) => {
    const ask = (who: Line, id: string): Promise<Answer> => {
      const { name, args } = toolCall(operation, row.ask(id));
      return who.call(name, args);
    };
    const make = async ({ app }: At, name: string): Promise<string> => (await row.make?.(app, name)) ?? "";
    const listed = async (who: Line): Promise<boolean> =>
      (await who.ask("tools/list")).message.result.tools.some(({ name }: { name: string }) => name === toolOf(operation));

    test("[access.2] with every other scope: not listed, and FORBIDDEN naming the one, for what is there as for what is not", async () => {
      await using at = await guarded();
      const id = await make(at, "ann");
      const before = await headOf(at.app);
      const other = await line(at, era, `lacks-${row.scope}`);
      expect(await listed(other)).toBe(false);
      const answer = await ask(other, id);
      expect([answer.status, answer.message.result.isError]).toEqual([200, true]);
      expect(answer.message.result.content[0].text).toContain(`FORBIDDEN: `);
      expect(problemIn(answer)).toMatchObject({ code: "FORBIDDEN", status: 403, scope: row.scope });
      expect((await ask(other, UNKNOWN)).text).toBe(answer.text);
      expect(await headOf(at.app)).toBe(before);
    });

    test("[access.2] with the scope alone: listed, and answered", async () => {
      await using at = await guarded();
      const only = await line(at, era, `only-${row.scope}`);
      expect(await listed(only)).toBe(true);
      const { result } = (await ask(only, await make(at, `only-${row.scope}`))).message;
      expect([result.isError, typeof result.structuredContent]).toEqual([undefined, "object"]);
    });

    test("[access.2] what is another's: nothing of it is in any answer, and asking for it is asking for what is not there", async () => {
      await using at = await guarded();
      const id = await make(at, "ann");
      for (const each of new Set(Object.values(ROWS).map((every) => every.make))) await each?.(at.app, "ann");
      await at.post("/events", { type: "a", data: mark("ann"), id: mark("ann"), sessionId: mark("ann") }, cookie("ann"));
      const bob = await line(at, era, "bob");
      const before = await headOf(at.app);
      const answer = await ask(bob, id);
      expect(answer.text).not.toContain(mark("ann"));
      if (row.make === undefined) return;
      const none = await ask(bob, UNKNOWN);
      expect(problemIn(none).status).toBe(row.scope === "admin" ? 403 : 404);
      // Byte for byte, but for the id that was asked for.
      expect(answer.text.replaceAll(id, UNKNOWN)).toBe(none.text);
      expect(headersOf(answer)).toEqual(headersOf(none));
      // And it is as it was.
      expect(await headOf(at.app)).toBe(before);
    });

    test("[access.2] what is one's own, and everything for an operator: answered", async () => {
      await using at = await guarded();
      for (const name of ["ann", "auditor", "operator"]) {
        if (name === "ann" && row.scope === "admin") continue;
        const answer = await ask(await line(at, era, name), await make(at, "ann"));
        const refused = name === "auditor" ? row.auditor : undefined;
        expect([name, answer.message.result.isError]).toEqual([name, refused === undefined ? undefined : true]);
        if (refused !== undefined) expect(problemIn(answer).status).toBe(refused);
        else if (row.make !== undefined && row.status === 200) expect(answer.text).toContain(mark("ann"));
      }
    });
  });

  describe.each(Object.entries(RESOURCES))("the resource %s", (template, row) => {
    const of = "of" in row ? ROWS[row.of] : undefined;
    const read = (who: Line, id: string): Promise<Answer> => who.ask("resources/read", { uri: template.replace("{id}", id) });
    const make = async ({ app }: At, name: string): Promise<string> => (await of?.make?.(app, name)) ?? "";

    test("[access.2] [mcp.5] with every other scope: FORBIDDEN naming the one, for what is there as for what is not", async () => {
      await using at = await guarded();
      const other = await line(at, era, `lacks-${row.scope}`);
      const answer = await read(other, await make(at, "ann"));
      expect(answer.message.error.code).toBe(-32602);
      expect(problemIn(answer)).toMatchObject({ code: "FORBIDDEN", scope: row.scope });
      expect((await read(other, UNKNOWN)).text).toBe(answer.text);
    });

    test("[access.2] [mcp.5] what is another's is not found, in the words for what is not there; what is one's own is there", async () => {
      await using at = await guarded();
      const [ann, bob, auditor, operator] = await Promise.all(["ann", "bob", "auditor", "operator"].map((name) => line(at, era, name)));
      const id = await make(at, "ann");
      await at.post("/events", { type: "a", data: mark("ann") }, cookie("ann"));
      const answer = await read(bob as Line, id);
      expect(answer.text).not.toContain(mark("ann"));
      const own = await read(ann as Line, id);
      expect(own.message.result.contents).toMatchObject([{ uri: template.replace("{id}", id), mimeType: "application/json" }]);
      if (row.scope === "events:read") expect(own.text).toContain(mark("ann"));
      for (const [who, refused] of [
        [operator, undefined],
        [auditor, of?.auditor],
      ] as const) {
        const { message, text } = await read(who as Line, id);
        expect(message.error?.code).toBe(refused === undefined ? undefined : -32602);
        if (refused === undefined && of !== undefined) expect(text).toContain(mark("ann"));
      }
      if (of === undefined) return;
      expect(answer.message.error).toMatchObject({ code: -32602, data: { uri: template.replace("{id}", id) } });
      const none = await read(bob as Line, UNKNOWN);
      expect(answer.text.replaceAll(id, UNKNOWN)).toBe(none.text);
      expect(headersOf(answer)).toEqual(headersOf(none));
    });
  });

  test("[access.2] [mcp.5] the list of resources holds workflows for those who may read them", async () => {
    await using at = await guarded();
    const listed = async (name: string): Promise<string[]> =>
      (await (await line(at, era, name)).ask("resources/list")).message.result.resources.map(({ uri }: { uri: string }) => uri);
    expect(await listed("only-workflows:read")).toContain("nexus://workflows/double");
    expect((await listed("lacks-workflows:read")).filter((uri) => uri.startsWith("nexus://workflows/"))).toEqual([]);
  });

  test.each([
    ["events/list", {}],
    ["events/poll", { name: "nexus.event" }],
    ["events/poll", { name: "there is none" }],
    ["events/stream", { name: "nexus.event" }],
    ["events/subscribe", {}],
  ])("[access.2] [mcp.4] %s %o with every other scope: Forbidden, naming the one", async (method, params) => {
    await using at = await guarded();
    const { error } = (await (await line(at, era, "lacks-events:read")).ask(method, params)).message;
    expect(error).toMatchObject({ code: -32012, data: { code: "FORBIDDEN", scope: "events:read" } });
  });
});

test.each(ERAS)("[access.2] [mcp.5] %s: watching a resource with every other scope is FORBIDDEN, naming the one", async (era) => {
  await using at = await guarded();
  const other = await line(at, era, "lacks-events:read");
  const uri = "nexus://events";
  const { message } =
    era === "2026-07-28"
      ? await other.ask("subscriptions/listen", { notifications: { resourceSubscriptions: [uri] } })
      : await other.ask("resources/subscribe", { uri });
  expect(message.error?.data ?? message).toMatchObject({ code: "FORBIDDEN", scope: "events:read" });
});

/** Ways to the events of the log, from its beginning on. @returns those up to the last that everyone sees. */
const WAYS: Readonly<Record<string, (who: Line) => Promise<any[]>>> = {
  "the wait tool": (who) => paged(async (cursor) => (await who.call("nexus_wait_for_events", { cursor })).message.result.structuredContent),
  "the tool that lists them": (who) =>
    paged(async (after) => (await who.call("nexus_list_events", { after, limit: 3 })).message.result.structuredContent),
  "events/poll": (who) =>
    paged(async (cursor) => {
      const { result } = (await who.ask("events/poll", { name: "nexus.event", cursor, maxEvents: 3 })).message;
      return { ...result, events: result.events.map(({ data }: { data: unknown }) => data) };
    }),
  "events/stream": async (who) => {
    const events: any[] = [];
    await using stream = await who.stream("events/stream", { name: "nexus.event", cursor: "earliest" });
    while (events.at(-1)?.type !== "last") events.push((await stream.of("notifications/events/event")).params.data);
    return events;
  },
  "the resource nexus://events": (who) =>
    paged(async (cursor) => {
      const { result } = (await who.ask("resources/read", { uri: `nexus://events?limit=3&after=${cursor}` })).message;
      return JSON.parse(result.contents[0].text);
    }),
};

async function paged(page: (cursor: string) => Promise<{ events: any[]; cursor: string }>): Promise<any[]> {
  const events: any[] = [];
  for (let cursor = "earliest"; events.at(-1)?.type !== "last"; ) {
    const { events: more, cursor: next } = await page(cursor);
    events.push(...more);
    cursor = next;
  }
  return events;
}

describe.each(CALLERS.flatMap((era) => Object.entries(WAYS).map(([name, way]) => [era, name, way] as const)))(
  "%s, %s",
  (era, _name, way) => {
    test("[access.2] [mcp.2] [mcp.4] rights hold for each event, for those there were and those that come; broadcasts are everyone's", async () => {
      await using at = await guarded();
      const emit = async (who: string): Promise<void> => void (await at.post("/events", { type: "a", data: mark(who) }, cookie(who)));
      await emit("ann");
      await emit("bob");
      await at.app.emitEvent("a", mark("ann"), { userId: "bob", visibility: "operators" });
      await at.app.broadcastEvent("half", 1, { userId: "ann" });
      const people = await Promise.all(["ann", "bob", "auditor", "operator"].map((name) => line(at, era, name)));
      const following = Promise.all(people.map(way));
      await emit("ann");
      await emit("bob");
      await at.app.broadcastEvent("last", 1, { userId: "ann" });
      const [ann, bob, auditor, operator] = (await following).map((events) =>
        events.filter(({ type }) => ["a", "half", "last"].includes(type)).map(({ type, data }) => (type === "a" ? data : type)),
      );
      const [ofAnn, ofBob] = [mark("ann"), mark("bob")];
      expect([ann, bob]).toEqual([
        [ofAnn, "half", ofAnn, "last"],
        [ofBob, "half", ofBob, "last"],
      ]);
      expect(auditor).toEqual([ofAnn, ofBob, ofAnn, "half", ofAnn, ofBob, "last"]);
      expect(operator).toEqual(auditor);
    });
  },
);

test.each(CALLERS)("[event.10] %s: a broadcast needs events:broadcast, and is in the name of who sends it", async (era) => {
  await using at = await guarded();
  const emit = async (name: string): Promise<Answer> =>
    await (await line(at, era, name)).call("nexus_emit_event", { type: "a", data: 1, broadcast: true });
  expect(problemIn(await emit("ann"))).toMatchObject({ code: "FORBIDDEN", scope: "events:broadcast" });
  expect((await at.app.getEvents({ type: "a" })).events).toEqual([]);
  expect((await emit("herald")).message.result.isError).toBeUndefined();
  expect((await at.app.getEvents({ type: "a" })).events).toMatchObject([
    { userId: "herald", channel: "mcp", visibility: "public", broadcast: true },
  ]);
});
