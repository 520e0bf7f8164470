import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { linesOf, sliceOf } from "./checker.ts";
import { checkRuns, type Effect, type Start } from "./checker-runs.ts";
import { Child } from "./child.ts";
import { gauge, medianOf, type Taken } from "./gauging.ts";
import { Client, END, end, fixture, READERS, Reader, Scene, unendedRuns } from "./scene.ts";
import { Server } from "./server.ts";

/** How long it goes on: `FAULTS_SOAK_MS`. */
const SOAK_MS = Number(process.env["FAULTS_SOAK_MS"] ?? 60_000);
const SAMPLES = 30;
const TYPES = ["load.a", "load.b", "other"];

test(
  "[subscription.2] [subscription.6] [run.1] [run.4] steady load: what the server takes does not grow with what it has done, and nobody misses anything",
  async () => {
    await using scene = await Scene.open("soak");
    const server = new Server({ app: "soak-app.ts", folder: scene.folder, before: ["--expose-gc"] });
    await server.start();
    const { url } = server;
    const before = await gauge(server);
    const readers = READERS.map((kind) => new Reader(scene, { kind, url, types: ["load.*"] }));
    const writers = ["http", "client", "frames", "mcp"].map(
      (kind) => new Client(scene, { kind, url, types: TYPES, atOnce: 2, pauseMs: 20 }),
    );
    const starters = ["http", "mcp"].map(
      (kind) => new Client(scene, { kind, url, types: ["many-steps"], what: "runs", atOnce: 1, pauseMs: 300 }),
    );
    const comings = new Child([fixture("comings.ts"), JSON.stringify({ url, atOnce: 4 })], { log: scene.path("comings.log") });

    const samples: Taken[] = [];
    while (samples.length < SAMPLES) {
      await delay(SOAK_MS / SAMPLES);
      samples.push(await gauge(server));
    }

    comings.tell({ stop: true });
    expect({ code: await comings.gone, said: comings.said() }).toEqual({ code: 0, said: "" });
    await Promise.all([...writers, ...starters].map((client) => client.stop()));
    await expect.poll(() => unendedRuns(url), { timeout: 60_000, interval: 100 }).toBe(0);
    await end(url);
    await Promise.all(readers.map((reader) => reader.done()));
    const streams = async (): Promise<number> => ((await (await fetch(`${url}/health`)).json()) as { readonly streams: number }).streams;
    await expect.poll(streams, { timeout: 30_000 }).toBe(0);
    const after = await gauge(server);
    await server.stop();

    const { events, floor } = sliceOf(server.file);
    scene.judgeLog({ events, floor });
    scene.judgeClients(
      writers,
      events.filter(({ type }) => TYPES.includes(type)),
    );
    const starts = starters.flatMap((client) => client.ledger<Start>());
    scene.judge("runs", checkRuns("many-steps", starts, linesOf<Effect>(scene.path("effects")), events), events.length);
    const followed = events.filter(({ type }) => type.startsWith("load.") || type === END);
    for (const reader of readers) scene.judgeReader(reader, followed);

    // The first third fills what is kept of the newest; from then on it is level.
    const [middle, last] = [samples.slice(SAMPLES / 3, (2 * SAMPLES) / 3), samples.slice((2 * SAMPLES) / 3)];
    const median = (taken: readonly Taken[], of: (one: Taken) => number): number => medianOf(taken.map(of));
    scene.measured({
      seconds: SOAK_MS / 1000,
      "events recorded": events.length,
      runs: new Set(starts.map(({ kind, ...start }) => (kind === "receipt" ? (start as { runId: string }).runId : ""))).size - 1,
      "readers that came and went": (comings.messages.at(-1) as { readonly comings: number }).comings,
      "heap in the middle third, MB": median(middle, ({ heapMb }) => heapMb),
      "heap in the last third, MB": median(last, ({ heapMb }) => heapMb),
      "resident in the middle third, MB": median(middle, ({ rssMb }) => rssMb),
      "resident in the last third, MB": median(last, ({ rssMb }) => rssMb),
      "descriptors in the last third": median(last, ({ descriptors }) => descriptors),
      "event loop delay, median, ms": median(samples, ({ delayMs }) => delayMs.median),
      "event loop delay, 99 of 100, ms": median(samples, ({ delayMs }) => delayMs.p99),
      "event loop delay, most, ms": Math.max(...[...middle, ...last].map(({ delayMs }) => delayMs.most)),
    });
    expect(median(last, ({ heapMb }) => heapMb)).toBeLessThan(median(middle, ({ heapMb }) => heapMb) + 24);
    expect(median(last, ({ rssMb }) => rssMb)).toBeLessThan(median(middle, ({ rssMb }) => rssMb) + 96);
    expect(median(last, ({ descriptors }) => descriptors)).toBeLessThan(median(middle, ({ descriptors }) => descriptors) + 16);
    // A few of its own files, opened at first use.
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 16);
  },
  SOAK_MS + 300_000,
);
