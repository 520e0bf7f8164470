import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "./nexus.ts";

const APP = fileURLToPath(new URL("durable-app.ts", import.meta.url));

/** `nexus start` in a process of its own, on a SQLite file that outlives it. */
export class Served implements AsyncDisposable {
  url = "";
  #command: Command | undefined;
  readonly #folder: string;
  readonly #app: string;

  private constructor(folder: string, app: string) {
    this.#folder = folder;
    this.#app = app;
  }

  static async open(app: string = APP): Promise<Served> {
    const served = new Served(await mkdtemp(join(tmpdir(), "nexus-cli-")), app);
    await served.start();
    return served;
  }

  /** The file that outlives it. */
  get db(): string {
    return join(this.#folder, "nexus.db");
  }

  get command(): Command {
    if (this.#command === undefined) throw new Error("it is not started");
    return this.#command;
  }

  /** Starts it; after the first time on the port it had. */
  async start(): Promise<void> {
    const port = this.url === "" ? "0" : new URL(this.url).port;
    this.#command = new Command(["start", this.#app, "--port", port], { env: { NEXUS_DB: this.db } });
    await this.#command.said(/nexus events tail/);
    this.url = /listening on (\S+)/.exec(this.#command.stdout)?.[1] ?? "";
  }

  /** `kill -9`: it gets no chance to say or save anything. */
  async kill(): Promise<void> {
    await this.#command?.[Symbol.asyncDispose]();
  }

  async post(path: string, body: unknown): Promise<any> {
    const response = await fetch(`${this.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return response.json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
