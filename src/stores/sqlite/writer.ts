import { Worker } from "node:worker_threads";
import type { Addition } from "./addition.ts";
import { type FromWriter, pack, type ToWriter, type WriterData } from "./writer-messages.ts";

/** Beside this module: as it is written, or as the package has it. @throws in a bundle that knows no place of its modules. */
function ownModule(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "./writer-thread.ts" : "./sqlite-writer.js", import.meta.url);
}

/** What came of an addition; "lost": the thread has ended, and the file says. */
export type Outcome = Exclude<FromWriter, "ready"> | "lost";

/** A thread with a connection of its own, which writes to the log while this one does other things. It is started when it is first asked for. */
export class Writer {
  readonly #module: URL | undefined;
  readonly #data: WriterData;
  readonly #gone: () => void;
  #worker: Worker | undefined;
  #state: "none" | "starting" | "ready" | "ended" = "none";
  #ended: Promise<void> | undefined;
  #tell: ((outcome: Outcome) => void) | undefined;

  /** @param gone hears that it has ended by itself. @param module its code, if it is to be other than ours. */
  constructor(data: WriterData, gone: () => void, module?: URL) {
    this.#module = module;
    this.#data = data;
    this.#gone = gone;
  }

  /** Whether it can be given an addition: only once it has begun, and never again once it has ended by itself. */
  get ready(): boolean {
    if (this.#state === "none") this.#begin();
    return this.#state === "ready";
  }

  /** Writes one addition, and is given no other before it has said what came of it. */
  write(addition: Addition): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#tell = resolve;
      // Only as long as somebody waits for it, it keeps the process.
      this.#worker?.ref();
      try {
        this.#send(pack(addition));
      } catch {
        // What cannot be sent (there is no memory for it) is not written: whoever asked does it, and finds out why it cannot be done.
        this.#worker?.unref();
        this.#told("refused");
      }
    });
  }

  async close(): Promise<void> {
    const { state, ended } = { state: this.#state, ended: this.#ended };
    this.#state = "ended";
    if (state === "none" || state === "ended") return;
    this.#worker?.ref();
    this.#send("close");
    await ended;
  }

  #send(message: ToWriter): void {
    this.#worker?.postMessage(message);
  }

  #begin(): void {
    this.#state = "starting";
    try {
      // It prints nothing, and loads nothing of what the process was told to load first: that of the process is left alone.
      const options = { name: "nexus writer", workerData: this.#data, stdout: true, stderr: true, execArgv: [] };
      this.#start(new Worker(this.#module ?? ownModule(), options));
    } catch (error) {
      this.#state = "ended";
      warn(error);
    }
  }

  #start(worker: Worker): void {
    worker.unref();
    this.#worker = worker;
    worker.on("message", (message: FromWriter) => {
      if (message === "ready") {
        if (this.#state === "starting") this.#state = "ready";
        return;
      }
      // One a turn: what comes of it may send the next, whose answer would come before sockets and timers have had theirs.
      setImmediate(() => {
        worker.unref();
        this.#told(message);
      });
    });
    let reason: unknown = "it ended";
    worker.on("error", (error) => (reason = error));
    this.#ended = new Promise((resolve) => {
      worker.on("exit", () => {
        if (this.#state !== "ended") {
          this.#gone();
          warn(reason);
        }
        this.#state = "ended";
        this.#told("lost");
        resolve();
      });
    });
  }

  #told(outcome: Outcome): void {
    const tell = this.#tell;
    this.#tell = undefined;
    tell?.(outcome);
  }
}

function warn(reason: unknown): void {
  const why = reason instanceof Error ? reason.message : String(reason);
  process.emitWarning(`The thread that writes to the store is gone, and its work is done on the main one, which is slower: ${why}`, {
    code: "NEXUS_WRITER",
  });
}
