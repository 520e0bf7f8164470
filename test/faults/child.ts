import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { onTestFinished } from "vitest";

export interface ChildOptions {
  /** Standard error, and standard output unless it is `out`'s, are appended here. */
  readonly log: string;
  /** Standard output is appended to this file instead of being read here. */
  readonly out?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A Node process. Whatever becomes of the test, it does not outlive it. */
export class Child {
  /** What it sent, in order. */
  readonly messages: unknown[] = [];
  readonly gone: Promise<number | null>;
  readonly #process: ChildProcess;
  readonly #log: string;
  readonly #listeners = new Set<() => void>();
  #stdout = "";
  #ended = false;

  constructor(args: readonly string[], { log, out, env = {} }: ChildOptions) {
    this.#log = log;
    const stderr = openSync(log, "a");
    const { CI: _ci, NEXUS_URL: _url, NEXUS_DB: _db, NODE_OPTIONS: _options, ...inherited } = process.env;
    this.#process = spawn(process.execPath, ["--unhandled-rejections=strict", ...args], {
      stdio: ["ignore", out === undefined ? "pipe" : openSync(out, "a"), stderr, "ipc"],
      env: { ...inherited, NO_COLOR: "1", ...env },
    });
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => this.#heard(() => (this.#stdout += text)));
    this.#process.on("message", (message) => this.#heard(() => this.messages.push(message)));
    // The other end may be gone.
    this.#process.on("error", () => {});
    this.gone = once(this.#process, "exit").then(([code]) => {
      this.#heard(() => (this.#ended = true));
      return code as number | null;
    });
    onTestFinished(async () => {
      this.kill();
      await this.gone;
    });
  }

  get pid(): number {
    return this.#process.pid as number;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Ends it as a crash would. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }

  /** Asks it to end. */
  terminate(): void {
    this.#process.kill("SIGTERM");
  }

  tell(message: object): void {
    if (this.#process.connected) this.#process.send(message);
  }

  /** Resolves once `holds`; rejects when it ends before. */
  until(holds: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (holds()) resolve();
        else if (this.#ended) reject(new Error(`it ended before ${what}:\n${this.#stdout}\n${this.said()}`));
        else return;
        this.#listeners.delete(look);
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** The end of what it wrote to its log. */
  said(): string {
    return readFileSync(this.#log, "utf8").slice(-3_000);
  }

  #heard(change: () => void): void {
    change();
    for (const listener of this.#listeners) listener();
  }
}
