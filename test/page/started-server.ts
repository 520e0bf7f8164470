import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NexusEvent } from "nexus-event-system";
import { vi } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** `nexus start examples/import/app.ts` as a process of its own, in a folder of its own, on a SQLite file that outlives it. */
export class StartedServer implements AsyncDisposable {
  readonly url: string;
  readonly #folder: string;
  readonly #port: number;
  #database = "nexus.db";
  #child: ChildProcess | undefined;
  #said = "";

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}/`;
  }

  static async open(): Promise<StartedServer> {
    const server = new StartedServer(await mkdtemp(join(tmpdir(), "nexus-page-")), await freePort());
    try {
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const hooks = new URL("from-sources.ts", import.meta.url).href;
    const child = spawn(
      process.execPath,
      ["--import", hooks, join(root, "src/channels/cli/main.ts"), "start", join(root, "examples/import/app.ts")],
      {
        cwd: this.#folder,
        env: { ...process.env, NEXUS_DB: join(this.#folder, this.#database), NEXUS_HOST: "127.0.0.1", NEXUS_PORT: String(this.#port) },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.#child = child;
    for (const output of [child.stdout, child.stderr]) output.on("data", (chunk) => (this.#said += chunk));
    await vi.waitFor(
      async () => {
        if (child.exitCode !== null) return;
        const { status } = await fetch(`${this.url}readyz`);
        if (status !== 200) throw new Error(`readyz answers ${status}`);
      },
      { timeout: 30_000, interval: 50 },
    );
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${this.#said}`);
  }

  /** `kill -9`: it gets no chance to say or save anything. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** It drains, tells its streams, and ends. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }

  /** From the next start on it has another log. */
  loseLog(): void {
    this.#database = "another.db";
  }

  async emit(event: { type: string; data: unknown; broadcast?: boolean }): Promise<{ sequence: number; cursor: string }> {
    return this.#call("events", { method: "POST", body: JSON.stringify(event) });
  }

  async execute(workflow: string, inputs: object, waitMs: number): Promise<{ runId: string; status: string; cursor: string }> {
    return this.#call(`workflows/${workflow}/execute?waitMs=${waitMs}`, { method: "POST", body: JSON.stringify({ inputs }) });
  }

  /** Everything recorded so far, oldest first. */
  async events(filter = ""): Promise<NexusEvent<string, any>[]> {
    const events: NexusEvent[] = [];
    for (let after = "earliest"; ; ) {
      const page = await this.#call(`events?limit=1000&after=${after}${filter}`);
      events.push(...page.events);
      if (!page.hasMore) return events;
      after = page.cursor;
    }
  }

  async #call(path: string, init: RequestInit = {}): Promise<any> {
    const response = await fetch(this.url + path, { ...init, headers: { "content-type": "application/json" } });
    const body = await response.json();
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(body)}`);
    return body;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A port for a server that is to come back on the same one. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
