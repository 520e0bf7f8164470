import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineWorkflow, memoryStore, Nexus, type Store, sqliteStore } from "nexus-event-system";
import { afterEach, expect, test, vi } from "vitest";
import { silent } from "./fixtures/site.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

function counted(store: Store): { readonly store: Store; readonly opened: () => number } {
  let opened = 0;
  return {
    opened: () => opened,
    store: {
      name: store.name,
      durability: store.durability,
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
      open: (setup) => {
        opened++;
        return store.open(setup);
      },
    },
  };
}

async function taken(port = 0): Promise<{ readonly port: number } & AsyncDisposable> {
  const server: Server = createServer().listen(port, "127.0.0.1");
  await new Promise<void>((resolve, reject) => server.once("listening", resolve).once("error", reject));
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => server.close(resolve))),
  };
}

async function folder(): Promise<{ readonly file: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "nexus-start-"));
  return { file: join(path, "nexus.db"), [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test("[app.1] a new app opens nothing", () => {
  const { store, opened } = counted(memoryStore());
  new Nexus({ store, logger: silent });
  expect(opened()).toBe(0);
});

test("[app.2] start resolves when it is bound, with its address", async () => {
  await using app = new Nexus({ store: memoryStore(), logger: silent });
  const { url } = await app.start({ port: 0 });
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
});

test("[app.2] a port that is taken is PORT_IN_USE, and the store was not opened", async () => {
  await using other = await taken();
  const { store, opened } = counted(memoryStore());
  await using app = new Nexus({ store, logger: silent });
  await expect(app.start({ port: other.port })).rejects.toMatchObject({
    code: "PORT_IN_USE",
    details: { host: "127.0.0.1", port: other.port },
  });
  expect(opened()).toBe(0);
});

test("[app.2] a store that is locked is STORE_LOCKED, and the port is free again; when the store is, start works", async () => {
  await using at = await folder();
  const { port } = await (async () => {
    await using free = await taken();
    return free;
  })();
  const holder = new Nexus({ store: sqliteStore(at.file), logger: silent });
  await holder.open();
  await using app = new Nexus({ store: sqliteStore(at.file), logger: silent });
  await expect(app.start({ port })).rejects.toMatchObject({ code: "STORE_LOCKED" });
  await (await taken(port))[Symbol.asyncDispose]();
  await holder.stop();
  expect(await app.start({ port })).toEqual({ url: `http://127.0.0.1:${port}` });
});

test("[app.2] start({listen: false}) does all but listen", async () => {
  const { store, opened } = counted(memoryStore());
  await using app = new Nexus({ store, logger: silent });
  expect([await app.start({ listen: false }), opened()]).toEqual([{}, 1]);
});

/** Left by a process that stops while it is in its step; completes when it is taken up. */
function twice(): { readonly workflow: ReturnType<typeof defineWorkflow>; readonly begun: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let times = 0;
  const workflow = defineWorkflow("twice", async (_inputs, ctx) =>
    ctx.step("work", async ({ signal }) => {
      if (++times > 1) return times;
      resolve();
      return await new Promise<number>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    }),
  );
  return { workflow: workflow as never, begun: promise };
}

test("[app.2] the first request to a mounted app takes up unfinished runs; opening alone does not", async () => {
  await using at = await folder();
  const { workflow, begun } = twice();
  const first = new Nexus({ store: sqliteStore(at.file), logger: silent, workflows: [workflow] });
  const { runId, cursor } = await first.startRun("twice");
  await begun;
  expect(await first.stop({ deadlineMs: 0 })).toMatchObject({ runsLeft: 1 });
  await using second = new Nexus({ store: sqliteStore(at.file), logger: silent, workflows: [workflow] });
  await second.open();
  expect((await second.getEvents({ runId, type: "workflow.resumed" })).events).toEqual([]);
  await second.fetch(new Request("http://localhost/workflows"));
  expect(await second.waitForEvent("workflow.completed", { runId, after: cursor })).toMatchObject({ data: { result: 2 } });
});

test("[app.3] a stop that comes while it starts leaves nothing that listens", async () => {
  const app = new Nexus({ store: memoryStore(), logger: silent });
  const { port } = await (async () => {
    await using free = await taken();
    return free;
  })();
  const opening = app.open();
  const starting = app.start({ port }).catch((error: unknown) => error);
  await opening;
  await app.stop();
  await starting;
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
});

test("[app.4] host and port come from start, then the app's options, then the environment, then defaults", async () => {
  const bound = async (
    http: { port?: number; host?: string } | undefined,
    start: { port?: number; host?: string } = {},
  ): Promise<unknown> => {
    await using app = new Nexus({ store: memoryStore(), logger: silent, http });
    return await app.start(start).then(
      ({ url }) => Number(new URL(url ?? "").port),
      (error: { code: string; details: unknown }) => [error.code, error.details],
    );
  };
  const ports: number[] = [];
  for (let n = 0; n < 3; n++) {
    await using free = await taken();
    ports.push(free.port);
  }
  const [one = 0, two = 0, three = 0] = ports;
  vi.stubEnv("NEXUS_PORT", String(three));
  vi.stubEnv("PORT", "1");
  expect([await bound({ port: two }, { port: one }), await bound({ port: two }), await bound(undefined)]).toEqual([one, two, three]);
  vi.stubEnv("NEXUS_PORT", "");
  vi.stubEnv("PORT", String(two));
  expect(await bound(undefined)).toBe(two);
  vi.stubEnv("NEXUS_HOST", "192.0.2.1");
  expect([await bound(undefined), await bound({ host: "127.0.0.1" })]).toEqual([["BIND_REFUSED", { host: "192.0.2.1" }], two]);
});

test.each(["x", "-1", "65536", "1e3", "80 80"])("[app.4] NEXUS_PORT=%s is refused", async (port) => {
  vi.stubEnv("NEXUS_PORT", port);
  await using app = new Nexus({ store: memoryStore(), logger: silent });
  await expect(app.start()).rejects.toMatchObject({ code: "OPTION_INVALID", details: { option: "port" } });
});

test.each([65_536, -1, 1.5, Number.NaN])("[app.4] port %d is refused", async (port) => {
  await using app = new Nexus({ store: memoryStore(), logger: silent });
  await expect(app.start({ port })).rejects.toMatchObject({ code: "OPTION_INVALID", details: { option: "port" } });
});

test("[app.4] NEXUS_DB names the file", async () => {
  await using at = await folder();
  vi.stubEnv("NEXUS_DB", at.file);
  const first = new Nexus({ logger: silent });
  const { cursor } = await first.emitEvent("a", 1);
  await first.stop();
  await using second = new Nexus({ store: sqliteStore(at.file), logger: silent });
  expect((await second.getEvents({ type: "a" })).events[0]?.cursor).toBe(cursor);
});
