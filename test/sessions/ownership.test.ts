import { expect, test } from "vitest";
import { cookie, guarded, type Person } from "../access/fixtures/people.ts";
import { Peer, refusal } from "../http/fixtures/peer.ts";

const UNKNOWN = "s-01980000-0000-7000-8000-000000000000";
type Site = Awaited<ReturnType<typeof guarded>>;

/** Everything that can be asked of a session, or done in it: what comes back, as text. */
const ASKED: Readonly<Record<string, (site: Site, who: Person, id: string) => Promise<string>>> = {
  get: async (_site, who, id) => (await who.ask("GET", `/sessions/${id}`)).text,
  update: async (_site, who, id) => (await who.ask("PATCH", `/sessions/${id}`, { a: 1 })).text,
  "an update too large": async (_site, who, id) => (await who.ask("PATCH", `/sessions/${id}`, { a: "x".repeat(65_520) })).text,
  join: async (_site, who, id) => (await who.ask("POST", `/sessions/${id}/join`, {})).text,
  end: async (_site, who, id) => (await who.ask("POST", `/sessions/${id}/end`, {})).text,
  emit: async (_site, who, sessionId) => (await who.ask("POST", "/events", { type: "a", data: 1, sessionId })).text,
  run: async (_site, who, sessionId) => (await who.ask("POST", "/workflows/double/execute", { inputs: { n: 1 }, sessionId })).text,
  "a call that carries it": async (site, who, id) =>
    await (await fetch(`${site.url}/workflows`, { headers: { ...cookie(who.name), "nexus-session": id } })).text(),
  "a WebSocket's emit": async (_site, who, sessionId) => {
    await using peer = await who.socket();
    return JSON.stringify(await peer.ask({ op: "emit", id: "1", input: { type: "a", data: 1, sessionId } }));
  },
  "a WebSocket's execute": async (_site, who, sessionId) => {
    await using peer = await who.socket();
    return JSON.stringify(await peer.ask({ op: "execute", id: "1", input: { workflow: "double", inputs: { n: 1 }, sessionId } }));
  },
  "a WebSocket opened in it": async (site, who, id) => {
    const { status, body } = await refusal(site.url, { headers: { ...cookie(who.name), "nexus-session": id } }).catch(() => ({
      status: 101,
      body: {},
    }));
    return JSON.stringify([status, body]);
  },
};

test.each(Object.entries(ASKED))("[session.1] another's session is one that never was: %s", async (_name, ask) => {
  await using site = await guarded();
  const open = await site.app.sessions.create({ userId: "ann", data: { secret: true } });
  const over = await site.app.sessions.create({ userId: "ann" });
  const nobodys = await site.app.sessions.create();
  await site.app.sessions.end(over.id);
  const { cursor } = await site.app.getEvents();
  const bob = site.as("bob");
  const never = await ask(site, bob, UNKNOWN);
  expect(never).toContain("SESSION_NOT_FOUND");
  for (const { id } of [open, over, nobodys]) expect((await ask(site, bob, id)).replaceAll(id, UNKNOWN)).toBe(never);
  expect((await site.app.getEvents({ after: cursor })).events).toEqual([]);
  expect((await ask(site, site.as("operator"), open.id)).includes("SESSION_NOT_FOUND")).toBe(false);
});

test("[session.1] a session is its creator's, and so is all that happens in it; only admin names another owner, or sees those of others", async () => {
  await using site = await guarded();
  const [ann, bob, operator] = [site.as("ann"), site.as("bob"), site.as("operator")];
  const { body: own } = await ann.post("/sessions", { data: { a: 1 } });
  expect(own.userId).toBe("ann");
  expect((await bob.post("/sessions", { userId: "ann" })).body).toMatchObject({ code: "FORBIDDEN", scope: "admin" });
  expect((await bob.post("/sessions", { userId: "bob" })).body.userId).toBe("bob");
  const { body: given } = await operator.post("/sessions", { userId: "ann" });
  expect(given.userId).toBe("ann");
  const ids = async (who: Person, query = ""): Promise<string[]> =>
    (await who.get(`/sessions${query}`)).body.sessions.map(({ id }: any) => id);
  expect(await ids(ann)).toEqual([given.id, own.id]);
  expect(await ids(bob, "?userId=ann")).toEqual([]);
  expect((await ids(operator, "?userId=ann")).length).toBe(2);
  // What an operator does in it is its owner's, who sees it; nobody else does.
  await operator.post("/events", { type: "a", data: "in it", sessionId: own.id });
  const { runId } = (await operator.post("/workflows/double/execute", { inputs: { n: 1 }, sessionId: own.id })).body;
  await operator.ask("PATCH", `/sessions/${own.id}`, { a: 2 });
  const seen = async (who: Person): Promise<string[]> =>
    (await who.get(`/events?sessionId=${own.id}`)).body.events.map((event: any) => `${event.type} ${event.userId}`);
  expect(await seen(ann)).toEqual(
    expect.arrayContaining(["session.created ann", "a ann", "workflow.completed ann", "session.updated ann"]),
  );
  expect(await seen(bob)).toEqual([]);
  expect((await ann.get(`/runs/${runId}`)).body.userId).toBe("ann");
});

test("[session.1] of a session live, only its owner is told", async () => {
  await using site = await guarded();
  const { id } = await site.app.sessions.create({ userId: "ann" });
  const subscribed = async (who: string): Promise<Peer> => {
    const peer = await site.as(who).socket();
    await peer.ask({ op: "subscribe", id: "1", filter: { type: ["session.updated", "last"] } });
    return peer;
  };
  await using ann = await subscribed("ann");
  await using bob = await subscribed("bob");
  await site.app.sessions.update(id, { a: 1 });
  await site.app.broadcastEvent("last", {});
  expect((await ann.kind("event")).event).toMatchObject({ type: "session.updated", sessionId: id });
  expect((await bob.kind("event")).event.type).toBe("last");
});

test("a word of the caller's own for sessionId is no session, with credentials as without: what it records is the caller's", async () => {
  await using site = await guarded();
  await site.as("ann").post("/events", { type: "a", data: 1, sessionId: "my-own" });
  await site.as("bob").post("/events", { type: "a", data: 2, sessionId: "my-own" });
  const seen = async (who: string): Promise<unknown[]> =>
    (await site.as(who).get("/events?sessionId=my-own")).body.events.map(({ data }: any) => data);
  expect([await seen("ann"), await seen("bob")]).toEqual([[1], [2]]);
});
