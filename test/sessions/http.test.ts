import { defineWorkflow } from "nexus-event-system";
import { expect, test } from "vitest";
import { Peer } from "../http/fixtures/peer.ts";
import { replyOf, serve } from "../http/fixtures/site.ts";

const UNKNOWN = "s-01980000-0000-7000-8000-000000000000";
const noop = defineWorkflow("noop", () => 1);

function patch(url: string, body: string, type: string): Promise<Response> {
  return fetch(url, { method: "PATCH", headers: { "content-type": type }, body });
}

test("[session.3] the calls of a session over HTTP, each answered with the session as it is then", async () => {
  await using site = await serve();
  const created = await site.post("/sessions", { data: { a: 1 }, metadata: { k: "v" }, ttlMs: 60_000 }, { "nexus-channel": "cli" });
  const { id } = created.body;
  expect([created.status, created.body]).toMatchObject([201, { userId: "local", data: { a: 1 }, metadata: { k: "v" }, channels: ["cli"] }]);
  const url = `${site.url}/sessions/${id}`;
  for (const type of ["application/merge-patch+json", "application/json"]) {
    // A patch may have fields of any name.
    const { status, body } = await replyOf(await patch(url, JSON.stringify({ sessionId: type, a: null }), type));
    expect([status, body.id, body.data]).toEqual([200, id, { sessionId: type }]);
  }
  expect((await site.post(`/sessions/${id}/join`)).body.channels).toEqual(["cli", "api"]);
  const shown = await site.get(`/sessions/${id}`);
  expect([shown.status, shown.body.data]).toEqual([200, { sessionId: "application/json" }]);
  expect((await site.get("/sessions?userId=local&limit=10")).body).toMatchObject({ sessions: [{ id }], hasMore: false });
  const ended = await site.post(`/sessions/${id}/end`, {});
  expect([ended.status, ended.body.ended]).toEqual([200, "ended"]);
  expect((await site.get("/sessions")).body.sessions).toEqual([]);
  const { body: events } = await site.get(`/events?sessionId=${id}&after=${created.body.cursor}`);
  expect(events.events.map((event: any) => `${event.type} ${event.channel}`)).toEqual([
    "session.updated api",
    "session.updated api",
    "session.updated api",
    "session.ended api",
  ]);
});

test("what cannot be is refused in words", async () => {
  await using site = await serve();
  const { id } = (await site.post("/sessions", {})).body;
  const url = `${site.url}/sessions/${id}`;
  expect((await replyOf(await patch(url, "[1]", "application/json"))).body.code).toBe("BODY_INVALID");
  expect((await replyOf(await patch(url, JSON.stringify({ a: "x".repeat(70_000) }), "application/json"))).body).toMatchObject({
    code: "SESSION_TOO_LARGE",
    limit: 65_536,
  });
  expect((await site.post("/sessions", { data: [1] })).body).toMatchObject({ code: "EVENT_INVALID", faults: [{ path: "data" }] });
  expect((await site.post("/sessions", { ttlMs: 1 })).body).toMatchObject({ code: "OPTION_INVALID", option: "ttlMs" });
  expect((await site.post("/sessions", { owner: "x" })).body.code).toBe("REQUEST_INVALID");
  await site.post(`/sessions/${id}/end`);
  for (const answer of [await site.post(`/sessions/${id}/end`), await site.post(`/sessions/${id}/join`)])
    expect([answer.status, answer.body.code]).toEqual([409, "SESSION_ENDED"]);
  for (const answer of [await site.get(`/sessions/${UNKNOWN}`), await site.post(`/sessions/${UNKNOWN}/end`), await site.get("/sessions/x")])
    expect([answer.status, answer.body.code]).toEqual([404, "SESSION_NOT_FOUND"]);
  expect((await fetch(`${site.url}/sessions/${id}`, { method: "DELETE" })).status).toBe(405);
});

test("[session.4] a call that carries Nexus-Session is one within that session: it must be there, and what it records belongs to it", async () => {
  await using site = await serve({ workflows: [noop] });
  const { id } = await site.app.sessions.create({ userId: "ann" });
  const carried = { "nexus-session": id };
  await site.post("/events", { type: "e", data: {} }, carried);
  const { runId } = (await site.post("/workflows/noop/execute", {}, carried)).body;
  expect((await site.app.getEvents({ type: "e" })).events).toMatchObject([
    { sessionId: id, userId: "ann", visibility: "owner", channel: "api" },
  ]);
  expect((await site.get(`/runs/${runId}`)).body).toMatchObject({ sessionId: id, userId: "ann" });
  expect((await site.get(`/sessions/${id}`, carried)).body.workflowCount).toBe(1);
  await site.app.sessions.end(id);
  const { cursor } = await site.app.getEvents();
  for (const [session, status] of [
    [id, 409],
    [UNKNOWN, 404],
    ["session-123", 404],
  ] as const) {
    const headers = { "nexus-session": session };
    expect((await site.post("/events", { type: "e", data: {} }, headers)).status).toBe(status);
    expect((await site.post("/workflows/noop/execute", {}, headers)).status).toBe(status);
    expect((await site.get("/events", headers)).status).toBe(status);
  }
  expect((await site.app.getEvents({ after: cursor })).events).toEqual([]);
});

test("sessionId in a body names a session if it has the form of one, and is a word of the caller's own if not", async () => {
  await using site = await serve({ workflows: [noop] });
  const { id } = await site.app.sessions.create({ userId: "ann" });
  expect((await site.post("/workflows/noop/execute", { sessionId: id })).status).toBe(200);
  expect((await site.post("/events", { type: "e", data: {}, sessionId: id })).status).toBe(201);
  expect((await site.post("/events", { type: "e", data: {}, sessionId: "my-own" })).status).toBe(201);
  expect((await site.app.getEvents({ type: "e" })).events).toMatchObject([
    { sessionId: id, userId: "ann" },
    { sessionId: "my-own", userId: "local" },
  ]);
  expect((await site.post("/events", { type: "e", data: {}, sessionId: UNKNOWN })).body.code).toBe("SESSION_NOT_FOUND");
});

test("a WebSocket may be opened in a session; when that has ended, its calls say so", async () => {
  await using site = await serve({ workflows: [noop] });
  const { id } = await site.app.sessions.create({ userId: "ann" });
  await using peer = await Peer.open(site.url, { headers: { "nexus-session": id } });
  peer.send({ op: "emit", id: "1", input: { type: "e", data: {} } });
  expect(await peer.next()).toMatchObject({ kind: "reply", id: "1" });
  expect((await site.app.getEvents({ type: "e" })).events).toMatchObject([{ sessionId: id, userId: "ann" }]);
  await site.app.sessions.end(id);
  peer.send({ op: "emit", id: "2", input: { type: "e", data: {} } });
  expect(await peer.next()).toMatchObject({ kind: "problem", id: "2", code: "SESSION_ENDED" });
  await expect(Peer.open(site.url, { headers: { "nexus-session": id } })).rejects.toThrow(/409/);
});
