import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

export type Message = { readonly kind: string } & Readonly<Record<string, number | string>>;

const PATIENCE_MS = 30_000;
const LEAVE_MS = 3_000;

/** A process of its own for one job of one round. It ends with the block that opened it. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #name: string;

  /** @param options what its `job()` returns. */
  constructor(module: URL, options: object) {
    this.#name = module.pathname;
    this.#process = fork(module, [JSON.stringify(options)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  tell(message: Message): void {
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  hear(kind: string, listener: (message: Message) => void): void {
    this.#process.on("message", (message: Message) => {
      if (message.kind === kind) listener(message);
    });
  }

  /** The next message of a kind. @throws when the process ends before, or says nothing for long. */
  next(kind: string, patienceMs: number = PATIENCE_MS): Promise<Message> {
    return new Promise((resolve, reject) => {
      const over = (): void => {
        clearTimeout(late);
        this.#process.off("message", heard);
        this.#process.off("exit", ended);
      };
      const heard = (message: Message): void => {
        if (message.kind !== kind) return;
        over();
        resolve(message);
      };
      const failed = (what: string): void => {
        over();
        reject(new Error(`${this.#name} ${what} before it said ${kind}`));
      };
      const ended = (code: number | null): void => failed(`ended with ${code}`);
      const late = setTimeout(() => failed("took too long"), patienceMs);
      this.#process.on("message", heard);
      this.#process.once("exit", ended);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    // Its job ends with the channel to us.
    if (this.#process.connected) this.#process.disconnect();
    const late = setTimeout(() => this.#process.kill("SIGKILL"), LEAVE_MS);
    await exited;
    clearTimeout(late);
  }
}
