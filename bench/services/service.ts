import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

const PATIENCE_MS = 15_000;
const LEAVE_MS = 5_000;

/** A server that a peer needs, on a free port of loopback, its files in the bench's folder. It ends with the block that started it. */
export class Service implements AsyncDisposable {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #orphaned: () => void;

  private constructor(port: number, process_: ChildProcess) {
    this.port = port;
    this.#process = process_;
    this.#orphaned = () => process_.kill("SIGKILL");
    process.once("exit", this.#orphaned);
  }

  /** @throws when the program is not on this machine, or does not listen. */
  static async start(program: string, argumentsFor: (port: number) => readonly string[]): Promise<Service> {
    const port = await freePort();
    const child = spawn(program, argumentsFor(port), { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said = (said + chunk).slice(-2000)));
    const service = new Service(port, child);
    let failed: string | undefined;
    child.once("error", (error) => (failed = `${program} cannot be run: ${error.message}`));
    child.once("exit", (code) => (failed ??= `${program} ended with ${code}: ${said}`));
    for (const until = performance.now() + PATIENCE_MS; !(await listens(port)); await setTimeout(20)) {
      if (performance.now() > until) failed ??= `${program} does not listen: ${said}`;
      if (failed === undefined) continue;
      await service[Symbol.asyncDispose]();
      throw new Error(failed);
    }
    return service;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off("exit", this.#orphaned);
    if (this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    const late = globalThis.setTimeout(() => this.#process.kill("SIGKILL"), LEAVE_MS);
    await exited;
    clearTimeout(late);
  }
}

/** A service whose files go with it. */
export async function serviceIn(folder: string, start: (own: string) => Promise<Service>): Promise<Running> {
  const own = await mkdtemp(join(folder, "service-"));
  const forget = (): Promise<void> => rm(own, { recursive: true, force: true });
  try {
    const service = await start(own);
    return {
      port: service.port,
      [Symbol.asyncDispose]: async () => {
        await service[Symbol.asyncDispose]();
        await forget();
      },
    };
  } catch (error) {
    await forget();
    throw error;
  }
}

export interface Running extends AsyncDisposable {
  readonly port: number;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const over = (there: boolean) => (): void => {
      socket.destroy();
      resolve(there);
    };
    socket.once("connect", over(true));
    socket.once("error", over(false));
  });
}
