import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineWorkflow, memoryStore, Nexus, type Store, sqliteStore } from "nexus-event-system";
import { expect, test } from "vitest";
import { ended, failure, memoryScene, quiet, seen } from "../workflows/scene.ts";

/** A store that counts how often it is opened and closed. */
function counted(): Store & { opened: number; closed: number } {
  const inner = memoryStore();
  const store = {
    ...inner,
    opened: 0,
    closed: 0,
    open: async (setup: Parameters<Store["open"]>[0]) => {
      store.opened += 1;
      const opened = await inner.open(setup);
      return {
        ...opened,
        [Symbol.asyncDispose]: async () => {
          store.closed += 1;
          await opened[Symbol.asyncDispose]();
        },
      };
    },
  };
  return store;
}

test("[app.1] new Nexus opens nothing, and neither do registrations", async () => {
  const directory = await mkdtemp(join(tmpdir(), "nexus-test-"));
  const app = new Nexus({ store: sqliteStore(join(directory, "made", "nexus.db")), logger: quiet });
  app.register(defineWorkflow("w", () => 1));
  app.onEvent("n", () => {});
  expect(await readdir(directory)).toEqual([]);
  await app.stop();
  await rm(directory, { recursive: true });
});

test("[app.1] what registrations record is appended in call order once the store is open, before what the opening was for", async () => {
  const app = new Nexus({ store: memoryStore(), logger: quiet });
  app.register(defineWorkflow("b", () => 1));
  app.register(defineWorkflow("a", () => 1));
  app.unregister("b");
  await app.emitEvent("n", {});
  const { events } = await app.getEvents();
  expect(events.map(({ type, workflowName }) => [type, workflowName])).toEqual([
    ["workflow.registered", "b"],
    ["workflow.registered", "a"],
    ["workflow.unregistered", "b"],
    ["n", undefined],
  ]);
  await app.stop();
});

test("[app.1] every process start records its registrations", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => 1);
  await place.start({ workflows: [workflow] });
  const app = await place.start({ workflows: [workflow] });
  const { events } = await app.getEvents({ type: "workflow.registered" });
  expect(new Set(events.map(({ source }) => source)).size).toBe(2);
});

test("[app.2] the first awaited call opens the store: emitting, reading, subscribing, handlers and execute work without start()", async () => {
  const workflow = defineWorkflow("w", () => "done");
  const app = new Nexus({ store: memoryStore(), workflows: [workflow], logger: quiet });
  const handled: string[] = [];
  app.onEvent("n", ({ type }) => handled.push(type));
  const subscription = app.subscribe({ type: "workflow.completed" });
  expect(await app.execute(workflow)).toBe("done");
  await app.emitEvent("n", {});
  await app.settled();
  for await (const event of subscription) {
    expect([event.type, handled]).toEqual(["workflow.completed", ["n"]]);
    break;
  }
  await app.stop();
});

test("[app.2] many first calls at once open the store once", async () => {
  const store = counted();
  const app = new Nexus({ store, logger: quiet });
  await Promise.all([app.open(), app.emitEvent("n", {}), app.getEvents(), app.start({ listen: false }), app.settled()]);
  await app.stop();
  expect([store.opened, store.closed]).toEqual([1, 1]);
});

test("[app.2] open() takes up no run; start() does", async () => {
  const store = memoryStore();
  const begun = Promise.withResolvers<void>();
  let passes = 0;
  const workflow = defineWorkflow("w", () => {
    begun.resolve();
    return ++passes === 1 ? new Promise<void>(() => {}) : undefined;
  });
  const before = new Nexus({ store, workflows: [workflow], logger: quiet });
  const { runId } = await before.startRun(workflow);
  await begun.promise;
  await before.stop({ deadlineMs: 0 });
  const app = new Nexus({ store, workflows: [workflow], logger: quiet });
  await app.open();
  await app.settled();
  expect(passes).toBe(1);
  await app.start({ listen: false });
  expect((await ended(app as Nexus, runId)).type).toBe("workflow.completed");
  await app.stop();
});

test("[app.2] start() resolves when the port is bound, and its url answers", async () => {
  const app = new Nexus({ store: memoryStore(), http: { port: 0 }, logger: quiet });
  const { url } = await app.start();
  expect((await fetch(`${url}/workflows`)).status).toBe(200);
  await app.stop();
});

test("[app.2] a start whose port is taken opens nothing, and can be tried again", async () => {
  const store = counted();
  const squatter = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => squatter.once("listening", resolve));
  const app = new Nexus({ store, logger: quiet });
  expect(await failure(app.start({ port: (squatter.address() as AddressInfo).port }))).toBe("PORT_IN_USE");
  expect(store.opened).toBe(0);
  await app.start({ port: 0 });
  await app.stop();
  await new Promise((resolve) => squatter.close(resolve));
});

test("[app.2] a store that cannot be opened fails the start, and the next start tries again", async () => {
  const store = memoryStore();
  const other = new Nexus({ store, logger: quiet });
  await other.open();
  const app = new Nexus({ store, logger: quiet });
  expect(await failure(app.start({ listen: false }))).toBe("STORE_LOCKED");
  await other.stop();
  await app.start({ listen: false });
  await app.stop();
});

test("[app.3] stop() is idempotent, and closes the store last", async () => {
  const store = counted();
  const app = new Nexus({ store, logger: quiet });
  await app.open();
  const [first, second] = await Promise.all([app.stop(), app.stop()]);
  expect([first, second, await app.stop(), store.closed]).toEqual([first, first, first, 1]);
});

test("[app.3] calls after stop() reject with APP_STOPPED, and registrations throw it", async () => {
  const app = new Nexus({ store: memoryStore(), logger: quiet });
  await app.open();
  await app.stop();
  const calls = [
    app.emitEvent("n", {}),
    app.getEvents(),
    app.execute("w"),
    app.runs.list(),
    app.open(),
    app.settled(),
    app.subscribe().ready,
  ];
  expect(new Set(await Promise.all(calls.map(failure)))).toEqual(new Set(["APP_STOPPED"]));
  expect(await failure(app.start({ listen: false }))).toBe("APP_STOPPED");
  expect(() => app.register(defineWorkflow("w", () => 1))).toThrow(expect.objectContaining({ code: "APP_STOPPED" }));
});

test("[app.3] an app that was never opened stops, too, and opens nothing for it", async () => {
  const store = counted();
  const app = new Nexus({ store, logger: quiet });
  expect(await app.stop()).toEqual({ handlersLeft: 0, runsLeft: 0 });
  expect([store.opened, await failure(app.open())]).toEqual([0, "APP_STOPPED"]);
});

test("[app.3] what a draining run records, and its handlers' calls, still come through", async () => {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    begun.resolve();
    await gate.promise;
    await ctx.emitEvent("last", {});
  });
  const app = new Nexus({ store: memoryStore(), workflows: [workflow], logger: quiet });
  const handled: string[] = [];
  app.onEvent(["last", "workflow.completed"], ({ type }) => handled.push(type));
  await app.startRun(workflow);
  await begun.promise;
  const stopped = app.stop();
  gate.resolve();
  await stopped;
  expect(handled).toEqual(["last", "workflow.completed"]);
});

test("[app.3] while an app stops no new run begins", async () => {
  const gate = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", () => gate.promise);
  const app = new Nexus({ store: memoryStore(), workflows: [workflow], logger: quiet });
  await app.startRun(workflow);
  await seen(app as Nexus, "workflow.started");
  const stopped = app.stop();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await failure(app.startRun(workflow))).toBe("APP_STOPPED");
  gate.resolve();
  await stopped;
});

test("[app.3] an app whose store has failed under it stops, and does not hang", async () => {
  const store = memoryStore();
  const app = new Nexus({ store, workflows: [defineWorkflow("w", () => new Promise<void>(() => {}))], logger: quiet });
  await app.startRun("w");
  await store[Symbol.asyncDispose]();
  expect(await app.stop({ deadlineMs: 50 })).toMatchObject({ handlersLeft: 0 });
});

test("[app.1] options there are none of are refused at once", () => {
  expect(() => new Nexus({ storage: 1 } as never)).toThrow(expect.objectContaining({ code: "OPTION_UNSUPPORTED" }));
});
