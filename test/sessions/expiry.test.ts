import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { defineWorkflow, type Nexus, type OpenStore } from "nexus-event-system";
import { describe, expect, test, vi } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { heldStore } from "../workflows/held-store.ts";
import { failure, memoryScene, STORES, scene } from "../workflows/scene.ts";
import { testClock } from "../workflows/test-clock.ts";

const MINUTE = 60_000;
const noop = defineWorkflow("noop", () => 1);

async function ends(app: Nexus): Promise<readonly unknown[]> {
  return (await app.getEvents({ type: "session.ended" })).events.map(({ data }) => data);
}

/** Resolves when a session has ended by itself. */
async function expired(app: Nexus, count = 1): Promise<void> {
  for await (const { sequence } of app.subscribe({ type: "session.ended", after: "earliest" })) if (sequence > 0 && --count === 0) return;
}

test("[session.2] a session that nobody uses ends by itself, once, an hour after its creation", async () => {
  const clock = testClock();
  await using place = memoryScene();
  const app = await place.start({ clock, workflows: [noop] });
  const heard: string[] = [];
  app.onSessionEnded(({ reason, durationMs, channel, userId }) => heard.push(`${reason} ${durationMs} ${channel} ${userId}`));
  const { id } = await app.sessions.create({ userId: "ann" });
  clock.advance(60 * MINUTE - 1);
  expect((await app.sessions.list()).sessions).toMatchObject([{ id }]);
  clock.advance(1);
  await expired(app);
  await app.settled();
  expect(heard).toEqual([`expired ${60 * MINUTE} app ann`]);
  expect(await app.sessions.get(id)).toMatchObject({ ended: "expired" });
  expect(await failure(app.sessions.update(id, {}))).toBe("SESSION_ENDED");
  expect((await app.sessions.list()).sessions).toEqual([]);
});

test.each<[how: string, use: (app: Nexus, id: string) => Promise<unknown>, slides: boolean]>([
  ["a run that starts in it", (app, sessionId) => app.execute(noop, {}, { sessionId }), true],
  ["an event that is emitted in it", (app, sessionId) => app.emitEvent("e", {}, { sessionId }), true],
  ["an update", (app, id) => app.sessions.update(id, {}), true],
  ["a join", (app, id) => app.sessions.join(id, "cli"), true],
  ["joining again", (app, id) => app.sessions.join(id, "app"), true],
  ["get", (app, id) => app.sessions.get(id), true],
  ["a list", (app) => app.sessions.list(), false],
  ["reading its events", (app, sessionId) => app.getEvents({ sessionId }), false],
])("[session.2] of a session in use the end slides: %s", async (_how, use, slides) => {
  const clock = testClock();
  await using place = memoryScene();
  const app = await place.start({ clock, workflows: [noop] });
  const { id, endsAt } = await app.sessions.create({ ttlMs: MINUTE });
  clock.advance(MINUTE / 2);
  await use(app, id);
  const [session] = (await app.sessions.list()).sessions;
  expect(session?.endsAt).toBe(endsAt + (slides ? MINUTE / 2 : 0));
  clock.advance(MINUTE / 2);
  expect((await app.sessions.list()).sessions.length).toBe(slides ? 1 : 0);
  clock.advance(MINUTE / 2);
  await expired(app);
  expect(await ends(app)).toMatchObject([{ reason: "expired", durationMs: slides ? 1.5 * MINUTE : MINUTE }]);
});

test("[session.2] a session that is due since the system's clock was set, or its machine slept, ends within a minute", async () => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
  try {
    await using place = memoryScene();
    const app = await place.start();
    const { id } = await app.sessions.create({ ttlMs: 24 * 60 * MINUTE });
    vi.setSystemTime(Date.now() + 48 * 60 * MINUTE);
    await vi.advanceTimersByTimeAsync(MINUTE);
    await expired(app);
    expect(await app.sessions.get(id)).toMatchObject({ ended: "expired" });
  } finally {
    vi.useRealTimers();
  }
});

test("[session.2] a call over HTTP that carries the session uses it", async () => {
  const clock = testClock();
  await using site = await serve({ clock });
  const { id, endsAt } = await site.app.sessions.create({ ttlMs: MINUTE });
  clock.advance(MINUTE / 2);
  await site.get("/workflows", { "nexus-session": id });
  expect((await site.app.sessions.list()).sessions).toMatchObject([{ endsAt: endsAt + MINUTE / 2 }]);
});

test("[session.2] whoever comes when it is due, before it was ended, finds it ended", async () => {
  const clock = testClock();
  await using place = memoryScene();
  const app = await place.start({ clock });
  const calls: readonly ((id: string) => Promise<unknown>)[] = [
    (id) => app.sessions.update(id, {}),
    (id) => app.sessions.end(id),
    (id) => app.emitEvent("e", {}, { sessionId: id }),
  ];
  for (const call of calls) {
    const { id } = await app.sessions.create({ ttlMs: MINUTE });
    // Those that sleep are woken, and have not had their turn.
    clock.advance(MINUTE);
    expect(await failure(call(id))).toBe("SESSION_ENDED");
  }
  expect(await ends(app)).toMatchObject([{ reason: "expired" }, { reason: "expired" }, { reason: "expired" }]);
});

test("[session.2] the one that is due first ends first, whichever was created first", async () => {
  const clock = testClock();
  await using place = memoryScene();
  const app = await place.start({ clock });
  for (const minutes of [3, 1, 2]) await app.sessions.create({ ttlMs: minutes * MINUTE });
  for (const minutes of [1, 2, 3]) {
    clock.advance(MINUTE);
    await expired(app, minutes);
  }
  expect(await ends(app)).toMatchObject([1, 2, 3].map((minutes) => ({ durationMs: minutes * MINUTE })));
});

describe.each(STORES)("on %s", (_name, open) => {
  test("[session.4] after a crash a session is what it was, also when its end was never saved, and goes on", async () => {
    await using place = await open();
    const clock = testClock();
    let app = await place.start({ clock, workflows: [noop] });
    const { id } = await app.sessions.create({ userId: "ann", data: { n: 1 }, metadata: { k: "v" }, ttlMs: MINUTE });
    await app.sessions.update(id, { m: 2 });
    await app.execute(noop, {}, { sessionId: id });
    const before = await app.sessions.get(id);
    for (const how of ["crash", "stop"] as const) {
      await (how === "crash" ? place.crash() : app.stop());
      app = await place.start({ clock, workflows: [noop] });
      expect((await app.sessions.list()).sessions).toMatchObject([{ ...before, endsAt: expect.any(Number), cursor: expect.any(String) }]);
    }
    expect((await app.sessions.update(id, { n: null })).data).toEqual({ m: 2 });
    await app.execute(noop, {}, { sessionId: id });
    expect(await app.sessions.end(id)).toMatchObject({ userId: "ann", metadata: { k: "v" }, workflowCount: 2 });
    await app.stop();
    app = await place.start({ clock });
    expect(await app.sessions.get(id)).toMatchObject({ data: { m: 2 }, ended: "ended", workflowCount: 2 });
  });

  test("[session.2] what fell due while no process was up ends at the next opening, exactly once", async () => {
    await using place = await open();
    const clock = testClock();
    const app = await place.start({ clock });
    await app.sessions.create({ ttlMs: MINUTE });
    await place.crash();
    clock.advance(60 * MINUTE);
    const next = await place.start({ clock });
    await expired(next);
    await place.crash();
    const last = await place.start({ clock });
    await last.emitEvent("e", {});
    expect(await ends(last)).toEqual([{ reason: "expired", durationMs: MINUTE, workflowCount: 0 }]);
  });

  test("[session.4] a crash never ends a session early, and at most a twentieth of its time later", async () => {
    await using place = await open();
    const clock = testClock();
    let app = await place.start({ clock });
    const { id } = await app.sessions.create({ ttlMs: 20 * MINUTE });
    clock.advance(15 * MINUTE);
    await app.sessions.get(id);
    clock.advance(0.5 * MINUTE);
    await app.emitEvent("e", {}, { sessionId: id });
    await place.crash();
    clock.advance(19 * MINUTE);
    app = await place.start({ clock });
    expect((await app.sessions.list()).sessions).toMatchObject([{ id }]);
    clock.advance(2 * MINUTE);
    await expired(app);
  });
});

test("[session.4] the end of a session in use is saved at most every twentieth of its time to live", async () => {
  const saved: string[] = [];
  const held = heldStore((opened) => ({ ...opened, state: watched(opened.state, (key) => saved.push(key)) }));
  await using place = scene(() => held.store);
  const clock = testClock();
  const app = await place.start({ clock });
  const { id } = await app.sessions.create({ ttlMs: 20 * MINUTE });
  for (let second = 0; second < 600; second++) {
    clock.advance(1_000);
    await app.sessions.get(id);
  }
  expect(saved.filter((key) => key === `sessions/${id}`).length).toBeLessThanOrEqual(11);
});

test("[session.4] a short session never touches State, and opening does not read the log from its beginning", async () => {
  const saved: string[] = [];
  const reads: number[] = [];
  const held = heldStore((opened) => ({
    ...opened,
    state: watched(opened.state, (key) => saved.push(key)),
    log: {
      ...opened.log,
      read: async (query) => {
        reads.push(query.after);
        return await opened.log.read(query);
      },
    },
  }));
  await using place = scene(() => held.store);
  let app = await place.start();
  const { id } = await app.sessions.create({ data: { kept: true } });
  const short = await app.sessions.create();
  for (let n = 0; n < 1_000; n++) await app.emitEvent("filler", {});
  await app.sessions.end(short.id);
  await app.stop();
  expect(saved.filter((key) => key.startsWith("sessions/"))).toEqual([`sessions/${id}`]);
  reads.length = 0;
  app = await place.start();
  expect((await app.sessions.list()).sessions).toMatchObject([{ id, data: { kept: true } }]);
  expect(reads.filter((after) => after < 1_000)).toEqual([]);
});

test("[session.2] sessions that are open keep no process alive", async () => {
  const child = fileURLToPath(new URL("fixtures/idle.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [child], { timeout: 20_000 });
  expect(stdout).toBe("created\n");
});

function watched(state: OpenStore["state"], told: (key: string) => void): OpenStore["state"] {
  return {
    ...state,
    put: async (key, value, options) => {
      told(key);
      return await state.put(key, value, options);
    },
  };
}
