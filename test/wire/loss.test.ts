import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventSource } from "eventsource";
import { Nexus, sqliteStore } from "nexus-event-system";
import { expect, test } from "vitest";
import { silent } from "../http/fixtures/site.ts";

/** A server on a file that can be put back to what it was, on one port. */
class Restored implements AsyncDisposable {
  app!: Nexus;
  port = 0;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(): Promise<Restored> {
    const restored = new Restored(await mkdtemp(join(tmpdir(), "nexus-loss-")));
    await restored.start();
    return restored;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get #file(): string {
    return join(this.#folder, "nexus.db");
  }

  async start(): Promise<void> {
    this.app = new Nexus({ store: sqliteStore(this.#file), logger: silent });
    const { url = "" } = await this.app.start({ port: this.port });
    this.port = Number(new URL(url).port);
  }

  async emit(from: number, to: number): Promise<string[]> {
    const cursors: string[] = [];
    for (let n = from; n <= to; n++) cursors.push((await this.app.emitEvent("n", { n })).cursor);
    return cursors;
  }

  async backUp(): Promise<void> {
    await this.app.stop();
    await copyFile(this.#file, `${this.#file}.old`);
    await this.start();
  }

  /** Stops, puts the older copy back, and starts again. */
  async restore(): Promise<void> {
    await this.app.stop();
    await copyFile(`${this.#file}.old`, this.#file);
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.stop({ deadlineMs: 0 });
    await rm(this.#folder, { recursive: true, force: true });
  }
}

test("[log.6] a reader that waits while the file is put back to an older copy is told so: recovered false, ahead; then it reads on", async () => {
  await using server = await Restored.open();
  await server.emit(1, 5);
  await server.backUp();
  const cursors = await server.emit(6, 60);
  const source = new EventSource(`${server.url}/events/stream?type=n&after=earliest`);
  const seen: number[] = [];
  const resumes: any[] = [];
  let changed = (): void => {};
  source.addEventListener("message", ({ data }) => {
    seen.push(JSON.parse(data).data.n);
    changed();
  });
  source.addEventListener("resume", ({ data }) => {
    resumes.push(JSON.parse(data));
    changed();
  });
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>((resolve) => (changed = resolve));
  };
  await until(() => seen.length === 60);
  await server.restore();
  await until(() => resumes.length === 2);
  expect(resumes[1]).toMatchObject({ requested: cursors.at(-1), recovered: false, reason: "ahead" });
  await server.emit(61, 61);
  await until(() => seen.length === 61);
  source.close();
  expect(seen.at(-1)).toBe(61);
});

test("[log.6] once the log has grown past the place again, it is still known not to be the same history: unknown", async () => {
  await using server = await Restored.open();
  await server.backUp();
  const lost = (await server.emit(1, 5)).at(-1) ?? "";
  await server.restore();
  await server.emit(101, 140);
  const answer = await fetch(`${server.url}/events/poll?after=${lost}`);
  expect([answer.status, await answer.json()]).toEqual([
    410,
    expect.objectContaining({ code: "CURSOR_UNKNOWN", reason: "unknown", cursor: lost }),
  ]);
});

test("[subscription.10] in process, loss throws CURSOR_UNKNOWN from the loop; onLoss goes on from the earliest", async () => {
  await using server = await Restored.open();
  await server.emit(1, 2);
  await server.backUp();
  const lost = (await server.emit(3, 50)).at(-1) ?? "";
  await server.restore();
  const loop = async (onLoss?: "earliest"): Promise<unknown> => {
    for await (const event of server.app.subscribe({ type: "n", after: lost, onLoss })) return (event.data as { n: number }).n;
    return "the end";
  };
  await expect(loop()).rejects.toMatchObject({ code: "CURSOR_UNKNOWN", details: { reason: "ahead" } });
  expect(await loop("earliest")).toBe(1);
});

test("[log.6] a file put back has the events of its time, found by every filter, and goes on without a gap", async () => {
  await using server = await Restored.open();
  await server.emit(1, 5);
  await server.backUp();
  await server.emit(6, 20);
  await server.restore();
  await server.emit(6, 8);
  const { events } = await server.app.getEvents({ type: "n", limit: 1000 });
  expect(events.map((event) => (event.data as { n: number }).n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  const all = (await server.app.getEvents({ limit: 1000 })).events.map((event) => event.sequence);
  expect(all).toEqual(all.map((_, n) => n + 1));
});
