import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { type Chance, chance } from "./chance.ts";
import {
  checkLog,
  checkReader,
  checkSendings,
  type Findings,
  type Line,
  linesOf,
  NOTHING_WRONG,
  type Seen,
  type Sending,
  type Slice,
} from "./checker.ts";
import { Child } from "./child.ts";
import { type Figures, keepFigures, type Measures, noFigures } from "./figures.ts";

/** The type of the last event of a storm: a reader that has seen it has seen all. */
export const END = "the.end";
/** How long whoever is behind may take to catch up. */
const CATCH_UP_MS = 60_000;

/** Every way to follow the log. */
export const READERS: readonly string[] = [
  "event stream",
  "client",
  "frames",
  "long-poll",
  "pages",
  "MCP wait",
  "MCP wait, 2025-11-25",
  "MCP events/stream",
];

export function fixture(name: string): string {
  return join(import.meta.dirname, "fixtures", name);
}

/** What one storm has to itself: a folder, its chance, its figures. Its folder stays when something was found wrong. */
export class Scene implements AsyncDisposable {
  readonly chance: Chance;
  readonly figures: Figures = noFigures();
  readonly #name: string;
  readonly #folder: string;
  #measures: Measures = {};
  #wrong = 0;
  #closed = false;

  private constructor(name: string, folder: string) {
    this.#name = name;
    this.#folder = folder;
    this.chance = chance(name);
  }

  static async open(name: string): Promise<Scene> {
    return new Scene(name, await mkdtemp(join(tmpdir(), "nexus-faults-")));
  }

  get folder(): string {
    return this.#folder;
  }

  path(name: string): string {
    return join(this.#folder, name.replaceAll(/[^A-Za-z0-9.-]+/g, "-"));
  }

  /** Some time, at most so long. */
  async moment(mostMs: number): Promise<void> {
    await delay(this.chance.fraction() * mostMs);
  }

  /** Counts what the checker found, and fails when it is anything. @param who whose view it is. */
  judge(who: string, found: Findings, checked: number): void {
    this.figures.events += checked;
    this.figures.losses += found.missing.length;
    this.figures.duplicates += found.repeated.length;
    if (Object.values(found).some((list) => list.length > 0)) this.#wrong++;
    const some = Object.fromEntries(Object.entries(found).map(([list, all]) => [list, all.slice(0, 5)]));
    expect.soft({ who, ...some }, `all of it is in ${this.#folder}`).toEqual({ who, ...NOTHING_WRONG });
  }

  /** Keeps what was measured for the end of the run. Nothing is decided by it. */
  measured(measures: Measures): void {
    this.#measures = measures;
  }

  judgeLog(slice: Slice): void {
    this.judge("the log", checkLog(slice), slice.events.length);
  }

  /** @param events of the log that match what it asked for. */
  judgeReader(reader: Reader, events: readonly Seen[], options: { readonly forgetful?: boolean } = {}): void {
    this.figures.readers++;
    this.judge(reader.kind, checkReader(reader.lines(), events, options), events.length);
  }

  judgeClients(clients: readonly Client[], events: readonly Seen[]): void {
    const sendings = clients.flatMap((client) => client.ledger<Sending>());
    this.judgeSendings(sendings, events);
  }

  judgeSendings(sendings: readonly Sending[], events: readonly Seen[]): void {
    this.judge("the clients", checkSendings(sendings, events), events.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    keepFigures(this.#name, this.figures, this.#measures);
    if (this.#wrong === 0) await rm(this.#folder, { recursive: true, force: true });
  }
}

export interface ReaderOptions {
  readonly kind: string;
  readonly url: string;
  readonly types: readonly string[];
  readonly after?: string;
  /** Where it goes on when its place is gone; by itself a pushed stream goes on live. */
  readonly onLoss?: "earliest";
}

/** A reader in a process of its own, which may be killed and goes on from what it wrote down. */
export class Reader {
  readonly kind: string;
  readonly #file: string;
  readonly #log: string;
  readonly #options: ReaderOptions;
  #child: Child;

  constructor(scene: Scene, options: ReaderOptions) {
    this.kind = options.kind;
    this.#options = options;
    this.#file = scene.path(`${options.kind}.record`);
    this.#log = scene.path(`${options.kind}.log`);
    this.#child = this.#begin();
  }

  /** `kill -9`, and another life after `meanwhile`. @returns how often it was killed. */
  async crash(meanwhile: () => Promise<void> = async () => {}): Promise<number> {
    this.#child.kill();
    await this.#child.gone;
    await meanwhile();
    this.#child = this.#begin();
    return 1;
  }

  /** Resolves when it has seen the end. One that does not get there in time is stopped: what it has not seen is missing. */
  async done(): Promise<void> {
    const late = setTimeout(() => this.#child.kill(), CATCH_UP_MS);
    await this.#child.gone;
    clearTimeout(late);
  }

  lines(): readonly Line[] {
    return linesOf<Line>(this.#file);
  }

  #begin(): Child {
    const given = { after: "earliest", ...this.#options, file: this.#file, end: END };
    return new Child([fixture("reader.ts"), JSON.stringify(given)], { log: this.#log });
  }
}

export interface ClientOptions {
  readonly kind: string;
  readonly url: string;
  /** Event types, or workflows, in turn. */
  readonly types: readonly string[];
  readonly what?: "events" | "runs";
  readonly atOnce?: number;
  /** Between one and the next. */
  readonly pauseMs?: number;
}

/** A client in a process of its own, which emits, or starts runs, until it is told to stop. */
export class Client {
  readonly child: Child;
  readonly #file: string;

  constructor(scene: Scene, options: ClientOptions) {
    const { kind, what = "events" } = options;
    this.#file = scene.path(`${kind}-${what}.ledger`);
    const given = { what, atOnce: 4, pauseMs: 0, ...options, name: kind, file: this.#file };
    this.child = new Child([fixture("client.ts"), JSON.stringify(given)], { log: scene.path(`${kind}-${what}.log`) });
  }

  /** How many of its events were acknowledged. */
  get acknowledged(): number {
    return this.#count("acknowledged");
  }

  /** How often it was told that the store does not answer. */
  get refused(): number {
    return this.#count("STORE_UNAVAILABLE");
  }

  /** Resolves when what it has begun to send is acknowledged. */
  async stop(): Promise<void> {
    this.child.tell({ stop: true });
    const code = await this.child.gone;
    expect({ code, said: this.child.said() }).toEqual({ code: 0, said: "" });
  }

  ledger<T>(): readonly T[] {
    return linesOf<T>(this.#file);
  }

  #count(what: string): number {
    return this.child.messages.reduce((sum: number, message) => sum + (message === what ? 1 : 0), 0);
  }
}

/** Resolves when so many more were acknowledged to all of them. */
export async function acknowledged(clients: readonly Client[], more: number): Promise<void> {
  const sum = (): number => clients.reduce((all, client) => all + client.acknowledged, 0);
  const until = sum() + more;
  await Promise.race(clients.map(({ child }) => child.until(() => sum() >= until, "it had sent that many")));
}

/** Resolves when it was told so many more times that the store does not answer. */
export async function refused(client: Client, more: number): Promise<void> {
  const until = client.refused + more;
  await client.child.until(() => client.refused >= until, "it was refused");
}

export async function unendedRuns(url: string): Promise<number> {
  const { runs } = (await (await fetch(`${url}/health`)).json()) as { readonly runs: { readonly unfinished: number } };
  return runs.unfinished;
}

/** Records the event that ends the storm. */
export async function end(url: string): Promise<void> {
  const response = await fetch(`${url}/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: END, data: null }),
  });
  expect(response.status).toBe(201);
}
