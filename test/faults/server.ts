import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Chance } from "./chance.ts";
import { Child } from "./child.ts";

const NEXUS = resolve(import.meta.dirname, "../../bin/nexus.js");

export interface ServerOptions {
  /** One of the fixtures. */
  readonly app: string;
  /** Its log, whatever else it keeps, and its file unless that is in `data`. */
  readonly folder: string;
  readonly data?: string;
  /** Of each life. */
  readonly env?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>);
  /** Options of Node. */
  readonly before?: readonly string[];
}

/** `nexus start` as a process of its own, with one file over all its lives. Each life has a port of its own: whoever talks to it goes through a proxy. */
export class Server {
  readonly file: string;
  /** Where it is; undefined while it is down. */
  port: number | undefined;
  lives = 0;
  /** When each life was ended by force. */
  readonly killedAt: number[] = [];
  readonly #options: ServerOptions;
  #child: Child | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.file = join(options.data ?? options.folder, "nexus.db");
  }

  get child(): Child {
    if (this.#child === undefined) throw new Error("it was never started");
    return this.#child;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port ?? 0}`;
  }

  /** Begins a life, and does not wait for it to listen. */
  spawn(): void {
    const { app, folder, env = {}, before = [] } = this.#options;
    this.lives++;
    this.#child = new Child([...before, NEXUS, "start", join(import.meta.dirname, "fixtures", app), "--port", "0"], {
      log: join(folder, "server.log"),
      env: { NEXUS_DB: this.file, FAULTS_FOLDER: folder, FAULTS_LIFE: String(this.lives), ...(typeof env === "function" ? env() : env) },
    });
  }

  /** Begins a life, and resolves when it listens. */
  async start(): Promise<void> {
    this.spawn();
    const listening = /listening on http:\/\/127\.0\.0\.1:(\d+)/;
    await this.child.until(() => listening.test(this.child.stdout), "it listened");
    this.port = Number(listening.exec(this.child.stdout)?.[1]);
  }

  /** `kill -9`: it gets no chance to say or save anything. */
  async kill(): Promise<void> {
    this.child.kill();
    this.killedAt.push(Date.now());
    await this.#over();
  }

  /** The same, and now and then once more while it starts; then it is back. @returns how often it was killed. */
  async crash(chance: Chance): Promise<number> {
    await this.kill();
    const again = chance.fraction() < 0.25;
    if (again) {
      this.spawn();
      await delay(chance.fraction() * 700);
      await this.kill();
    }
    await this.start();
    return again ? 2 : 1;
  }

  /** Lets it drain, as Ctrl-C does. @throws when it ends otherwise than well. */
  async stop(): Promise<void> {
    this.child.terminate();
    const code = await this.#over();
    if (code !== 0) throw new Error(`the server ended with ${String(code)}:\n${this.child.said()}`);
  }

  async #over(): Promise<number | null> {
    const code = await this.child.gone;
    this.port = undefined;
    return code;
  }
}
