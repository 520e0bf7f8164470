import { type ChildProcess, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished, vi } from "vitest";

// Each command is a process of its own, on a machine that may have other things to do.
vi.setConfig({ testTimeout: 60_000 });

export const MAIN: string = fileURLToPath(new URL("../../src/channels/cli/main.ts", import.meta.url));

export interface CommandOptions {
  /** The server it speaks to. */
  readonly url?: string;
  /** In a pseudo-terminal, where both outputs are one. */
  readonly terminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `nexus` to its end. @param input what standard input holds. */
export async function nexus(args: readonly string[], options: CommandOptions & { readonly input?: string } = {}): Promise<Ended> {
  await using command = new Command(args, options);
  command.type(options.input ?? "");
  if (options.terminal !== true) command.endInput();
  return await command.ended;
}

/** `nexus` as a process of its own, from the sources. Disposing kills it. */
export class Command implements AsyncDisposable {
  readonly ended: Promise<Ended>;
  readonly #process: ChildProcess;
  #stdout = "";
  #stderr = "";
  #over = false;
  readonly #listeners = new Set<() => void>();
  readonly #kill = (): void => void this.#process.kill("SIGKILL");

  constructor(args: readonly string[], { url, terminal = false, env = {}, cwd }: CommandOptions = {}) {
    const line = [process.execPath, MAIN, ...args];
    // `script` gives its child a terminal, passes on what is typed, and ends with the child's exit code.
    const [file = "", ...rest] = terminal
      ? ["script", "-qefc", `exec ${line.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(" ")}`, "/dev/null"]
      : line;
    this.#process = spawn(file, rest, {
      stdio: "pipe",
      ...(cwd !== undefined && { cwd }),
      env: { ...environment(), TERM: "xterm-256color", ...(url !== undefined && { NEXUS_URL: url }), ...env },
    });
    // A test that ran out of time disposes of nothing.
    onTestFinished(this.#kill);
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => this.#heard(() => (this.#stdout += text)));
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => this.#heard(() => (this.#stderr += text)));
    this.#process.stdin?.on("error", () => {});
    this.ended = new Promise((resolve, reject) => {
      this.#process.once("error", reject);
      this.#process.once("close", (code) => {
        this.#heard(() => (this.#over = true));
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Lines of standard output, each read as JSON. */
  get values(): any[] {
    return jsonLines(this.#stdout);
  }

  /** Resolves once it has said this, on either output. */
  said(pattern: RegExp): Promise<void> {
    return this.until(() => pattern.test(this.#stdout) || pattern.test(this.#stderr), String(pattern));
  }

  /** Resolves once `holds`; rejects when the process ends before. */
  until(holds: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (holds()) resolve();
        else if (this.#over) reject(new Error(`it ended without ${what}:\n${this.#stdout}\n${this.#stderr}`));
        else return;
        this.#listeners.delete(check);
      };
      this.#listeners.add(check);
      check();
    });
  }

  /** Writes to its standard input, as it comes from a keyboard in a terminal. */
  type(text: string): void {
    this.#process.stdin?.write(text);
  }

  endInput(): void {
    this.#process.stdin?.end();
  }

  /** Reads its standard output no more. */
  closeOutput(): void {
    this.#process.stdout?.destroy();
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill();
    await this.ended.catch(() => {});
  }

  #heard(change: () => void): void {
    change();
    for (const listener of this.#listeners) listener();
  }
}

/** What a command inherits of this process: nothing that a person may have set for the terminal it runs in. */
export function environment(): Record<string, string> {
  const { CI: _ci, NO_COLOR: _colour, FORCE_COLOR: _forced, NEXUS_URL: _url, ...inherited } = process.env as Record<string, string>;
  // The sources are stripped of their types once, not in each of a hundred processes.
  return { ...inherited, NODE_COMPILE_CACHE: join(tmpdir(), "nexus-cli-cache") };
}

export function jsonLines(text: string): any[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}
