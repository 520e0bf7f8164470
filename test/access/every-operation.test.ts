import type { Nexus } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { STREAMS } from "../../src/operations/table.ts";
import { cookie, guarded, type Person } from "./fixtures/people.ts";
import { mark, ROWS, type Row } from "./rows.ts";

/** How far the log has got, but for the steps of runs that go on by themselves. */
async function headOf({ app }: { readonly app: Nexus }): Promise<number> {
  return (await app.getEvents({ type: ["workflow.*", "session.*", "a"], limit: 1 })).events[0]?.sequence ?? 0;
}

function ask(who: Person, row: Row, id: string): ReturnType<Person["ask"]> {
  return who.ask(...row.ask(id));
}

describe.each(Object.entries(ROWS))("%s", (_name, row) => {
  test("[access.2] without a credential: 401, and nothing is done", async () => {
    await using at = await guarded();
    const id = (await row.make?.(at.app, "ann")) ?? "";
    const before = await headOf(at);
    const { status, body } = await ask(at.as(), row, id);
    expect([status, body.code]).toEqual([401, "UNAUTHENTICATED"]);
    expect(await headOf(at)).toBe(before);
  });

  test("[access.2] with every other scope: 403 naming the one, for what is there as for what is not", async () => {
    await using at = await guarded();
    const id = (await row.make?.(at.app, "ann")) ?? "";
    const before = await headOf(at);
    const other = at.as(`lacks-${row.scope}`);
    const { status, body, text } = await ask(other, row, id);
    expect([status, body.code, body.scope]).toEqual([403, "FORBIDDEN", row.scope]);
    expect((await ask(other, row, "0198f3a4-0000-7000-8000-000000000000")).text).toBe(text);
    expect(await headOf(at)).toBe(before);
  });

  test("[access.2] with the scope alone: answered", async () => {
    await using at = await guarded();
    const only = `only-${row.scope}`;
    const id = (await row.make?.(at.app, only)) ?? "";
    expect((await ask(at.as(only), row, id)).status).toBe(row.status);
  });

  test("[access.2] what is another's: nothing of it is in any answer, and asking for it is asking for what is not there", async () => {
    await using at = await guarded();
    const id = (await row.make?.(at.app, "ann")) ?? "";
    for (const make of new Set(Object.values(ROWS).map((each) => each.make))) await make?.(at.app, "ann");
    await at.post("/events", { type: "a", data: mark("ann"), id: mark("ann"), sessionId: mark("ann") }, cookie("ann"));
    const bob = at.as("bob");
    const before = await headOf(at);
    const { status, text } = await ask(bob, row, id);
    expect(text).not.toContain(mark("ann"));
    if (row.make === undefined) return;
    const unknown = "0198f3a4-0000-7000-8000-000000000000";
    const none = await ask(bob, row, unknown);
    expect([status, none.status]).toEqual([row.scope === "admin" ? 403 : 404, row.scope === "admin" ? 403 : 404]);
    // Byte for byte, but for the id that was asked for.
    expect(text.replaceAll(id, unknown)).toBe(none.text);
    const headers = [await ask(bob, row, id), none].map((reply) =>
      [...reply.headers].filter(([name]) => !["date", "content-length"].includes(name)),
    );
    expect(headers[0]).toEqual(headers[1]);
    // And it is as it was.
    expect(await headOf(at)).toBe(before);
  });

  test("[access.2] what is one's own, and everything for an operator: answered", async () => {
    await using at = await guarded();
    for (const name of ["ann", "auditor", "operator"]) {
      if (name === "ann" && row.scope === "admin") continue;
      const id = (await row.make?.(at.app, "ann")) ?? "";
      const reply = await ask(at.as(name), row, id);
      expect([name, reply.status]).toEqual([name, name === "auditor" ? (row.auditor ?? row.status) : row.status]);
      if (reply.status === 200 && row.make !== undefined) expect(reply.text).toContain(mark("ann"));
    }
  });
});

describe.each(Object.keys(STREAMS))("stream: %s", (name) => {
  /** What a stream says first, and which events it then brings, up to the last that everyone sees. */
  async function followed(who: Person): Promise<{ readonly first: any; readonly events: any[] }> {
    const events: any[] = [];
    if (name === "stream") {
      await using stream = await who.stream("/events/stream?after=earliest");
      const first = await stream.frame();
      for (;;) {
        const frame = await stream.next();
        events.push(frame.data);
        if (frame.data.type === "last") return { first, events };
      }
    }
    await using peer = await who.socket();
    const first = await peer.ask({ op: "subscribe", id: "1", after: "earliest" });
    for (;;) {
      if (first.kind === "problem") return { first, events };
      const { event } = await peer.kind("event");
      events.push(event);
      if (event.type === "last") return { first, events };
    }
  }

  test("[access.2] [subscription.5] rights hold for each event, for those there were and those that come", async () => {
    await using at = await guarded();
    const emit = async (who: string): Promise<void> => void (await at.post("/events", { type: "a", data: mark(who) }, cookie(who)));
    await emit("ann");
    await emit("bob");
    await at.app.emitEvent("a", mark("ann"), { userId: "bob", visibility: "operators" });
    await at.app.broadcastEvent("half", 1, { userId: "ann" });
    const following = Promise.all(["ann", "bob", "auditor", "operator"].map((who) => followed(at.as(who))));
    await emit("ann");
    await emit("bob");
    await at.app.broadcastEvent("last", 1, { userId: "ann" });
    const [ann, bob, auditor, operator] = (await following).map(({ events }) =>
      events.filter(({ type }) => type === "a").map(({ data }) => data),
    );
    expect([ann, bob]).toEqual([Array(2).fill(mark("ann")), Array(2).fill(mark("bob"))]);
    expect(auditor).toEqual([mark("ann"), mark("bob"), mark("ann"), mark("ann"), mark("bob")]);
    expect(operator).toEqual(auditor);
  });

  test("[access.2] with every other scope: FORBIDDEN, naming the one", async () => {
    await using at = await guarded();
    if (name === "stream") {
      const { status, body } = await at.as("lacks-events:read").get("/events/stream");
      return expect([status, body.code, body.scope]).toEqual([403, "FORBIDDEN", "events:read"]);
    }
    expect((await followed(at.as("lacks-events:read"))).first).toMatchObject({
      kind: "problem",
      id: "1",
      code: "FORBIDDEN",
      scope: "events:read",
    });
  });
});

test.each([
  ["emit", "events:emit", { type: "a", data: 1 }],
  ["execute", "workflows:run", { workflow: "double", inputs: { n: 1 } }],
])("[access.2] over a WebSocket %s needs %s, as over HTTP", async (op, scope, input) => {
  await using at = await guarded();
  await using without = await at.as(`lacks-${scope}`).socket();
  expect(await without.ask({ op, id: "1", input })).toMatchObject({ kind: "problem", id: "1", code: "FORBIDDEN", scope });
  // The right to it is asked for before what is sent is looked at.
  expect(await without.ask({ op, id: "1" })).toMatchObject({ code: "FORBIDDEN", scope });
  await using alone = await at.as(`only-${scope}`).socket();
  expect(await alone.ask({ op, id: "1", input })).toMatchObject({ kind: "reply", id: "1" });
});

test("[event.10] a broadcast over the wire needs events:broadcast, on every channel", async () => {
  await using at = await guarded();
  const input = { type: "a", data: 1, broadcast: true };
  expect((await at.as("ann").post("/events", input)).body).toMatchObject({ code: "FORBIDDEN", scope: "events:broadcast" });
  await using ann = await at.as("ann").socket();
  expect(await ann.ask({ op: "emit", id: "1", input })).toMatchObject({ code: "FORBIDDEN", scope: "events:broadcast" });
  expect((await at.app.getEvents({ type: "a" })).events).toEqual([]);
  expect((await at.as("herald").post("/events", input)).status).toBe(201);
  expect((await at.as("bob").get("/events?type=a")).body.events).toMatchObject([
    { userId: "herald", visibility: "public", broadcast: true },
  ]);
});
