import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A process that runs one of the fixtures. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** What it prints; ends when it has ended. */
  readonly lines: AsyncIterable<string>;
  /** Ends it as a crash would. */
  kill(): void;
  /** Resolves once it has ended and is no more. */
  ended(): Promise<void>;
}

export function startChild(fixture: string, ...args: readonly string[]): Child {
  return start(process.execPath, fixturePath(fixture), ...args);
}

/** The same, in a process that can write no file beyond so many blocks of 512 bytes: to it, the disk is full then. */
export function startConfined(blocks: number, fixture: string, ...args: readonly string[]): Child {
  return start("sh", "-c", `ulimit -f ${blocks} && exec "$@"`, "sh", process.execPath, fixturePath(fixture), ...args);
}

function fixturePath(fixture: string): string {
  return fileURLToPath(new URL(`fixtures/${fixture}`, import.meta.url));
}

function start(command: string, ...args: readonly string[]): Child {
  const child: ChildProcess = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const kill = (): void => {
    child.kill("SIGKILL");
  };
  return {
    pid: child.pid as number,
    lines: createInterface({ input: child.stdout as NodeJS.ReadableStream }),
    kill,
    ended: async () => {
      await exited;
    },
    [Symbol.asyncDispose]: async () => {
      kill();
      await exited;
    },
  };
}
