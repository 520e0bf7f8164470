import { defineWorkflow, type JsonObject, memoryStore, Nexus } from "nexus-event-system";
import { expect, test } from "vitest";
import { failure, quiet } from "../workflows/scene.ts";
import { testClock } from "../workflows/test-clock.ts";

function open(options: object = {}): Nexus {
  return new Nexus({ store: memoryStore(), logger: quiet, ...options }) as Nexus;
}

test("a session is created, updated, joined and ended, and each of it is an event", async () => {
  await using app = open();
  const session = await app.sessions.create({ userId: "ann", data: { theme: "dark", a: 1 }, metadata: { k: "v" }, ttlMs: 60_000 });
  expect(session).toMatchObject({ userId: "ann", data: { theme: "dark", a: 1 }, metadata: { k: "v" }, channels: ["app"], workflowCount: 0 });
  const updated = await app.sessions.update(session.id, { theme: null, b: { c: 1 } });
  expect(updated.data).toEqual({ a: 1, b: { c: 1 } });
  expect((await app.sessions.join(session.id, "cli")).channels).toEqual(["app", "cli"]);
  expect((await app.sessions.get(session.id)).data).toEqual({ a: 1, b: { c: 1 } });
  const ended = await app.sessions.end(session.id);
  expect(ended.ended).toBe("ended");
  const { events } = await app.getEvents({ sessionId: session.id });
  expect(events.map(({ type }) => type)).toEqual(["session.created", "session.updated", "session.updated", "session.ended"]);
  expect(await failure(app.sessions.end(session.id))).toBe("SESSION_ENDED");
});

test("expiry", async () => {
  const clock = testClock();
  await using app = open({ clock });
  const session = await app.sessions.create({ ttlMs: 60_000 });
  await clock.asleep(60_000);
  clock.advance(30_000);
  await app.sessions.get(session.id);
  clock.advance(30_000);
  expect((await app.sessions.list()).sessions.length).toBe(1);
  await clock.asleep(30_000);
  const ended = app.waitForEvent("session.ended");
  await app.getEvents();
  clock.advance(30_000);
  expect((await ended)?.data).toEqual({ reason: "expired", durationMs: 90_000, workflowCount: 0 });
});
