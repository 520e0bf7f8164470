import { mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import { Child } from "../child.ts";
import { natsOn } from "../services/nats.ts";

/** What stands in the log: so much of it is enough to read it by. */
export interface LargeLog {
  readonly file: string;
  /** Cursors, sessions and runs to read by. */
  readonly places: string;
  readonly events: number;
}

/** What a log is written with. */
export interface LargeLogJob extends LargeLog {
  /** How old, in events, is the cursor that a reader goes on from. */
  readonly resume: number;
}

const BYTES_AN_EVENT = 1_000;
const PATIENCE_MS = 15 * 60_000;

/** Logs of many events, each written once, through the product itself, by whoever needs it first. They go with the bench's folder. */
export class LargeLogs {
  readonly #folder: string;
  readonly #resume: number;
  readonly #made = new Map<string, Promise<unknown>>();

  constructor(folder: string, resume: number) {
    this.#folder = folder;
    this.#resume = resume;
  }

  /** Whether the disk has room for a log of so many events, and for as much again. */
  static async fits(folder: string, events: number): Promise<boolean> {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize > 2 * events * BYTES_AN_EVENT;
  }

  log(events: number): Promise<LargeLog> {
    return this.#once(`log-${events}`, async (folder) => {
      const log = { file: join(folder, "bench.db"), places: join(folder, "places.json"), events };
      await using writer = new Child(new URL("./write.ts", import.meta.url), { ...log, resume: this.#resume } satisfies LargeLogJob);
      await writer.next("written", PATIENCE_MS);
      return log;
    });
  }

  /** The folder of a JetStream that holds so many of the same messages. */
  jetstream(messages: number): Promise<string> {
    return this.#once(`jetstream-${messages}`, async (folder) => {
      await using server = await natsOn(folder);
      await using writer = new Child(new URL("./write-jetstream.ts", import.meta.url), { port: server.port, messages });
      await writer.next("written", PATIENCE_MS);
      return folder;
    });
  }

  /** A log that holds nothing, but has been opened before. */
  empty(): Promise<LargeLog> {
    return this.log(0);
  }

  #once<Made>(name: string, make: (folder: string) => Promise<Made>): Promise<Made> {
    const there = this.#made.get(name);
    if (there !== undefined) return there as Promise<Made>;
    const making = (async () => {
      const folder = join(this.#folder, name);
      await mkdir(folder);
      const from = performance.now();
      const made = await make(folder);
      console.log(`${name} was written in ${((performance.now() - from) / 1000).toFixed(0)} s`);
      return made;
    })();
    this.#made.set(name, making);
    return making;
  }
}
