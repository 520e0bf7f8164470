import { spawn } from "node:child_process";
import { createWriteStream, fstatSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { FAILED } from "./failure.ts";

const APART = "NEXUS_APART";
/** Where this process's own standard output is in the other. */
const OUTPUT = 3;

/** Whether this process is one that `apart` has started. */
export function isApart(): boolean {
  return process.env[APART] === "1";
}

/**
 * Does the same command in a process whose standard output is this one's standard error: whatever the app prints there, its loggers
 * in threads and the processes it starts included, is not in the way of what is written to `outputApart`. @returns its exit code.
 */
export async function apart(): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ["inherit", 2, 2, 1, "ipc"],
    env: { ...process.env, [APART]: "1" },
  });
  // A terminal sends Ctrl-C to both; the other knows the same one when it comes twice.
  process.on("SIGINT", () => child.kill("SIGINT")).on("SIGTERM", () => child.kill("SIGTERM"));
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? FAILED));
  });
}

/** In a process that was started so: the standard output of the one that started it. */
export function outputApart(): Writable {
  const output = fstatSync(OUTPUT);
  return output.isFIFO() || output.isSocket()
    ? new Socket({ fd: OUTPUT, readable: false, writable: true })
    : createWriteStream("", { fd: OUTPUT });
}

/** In such a process: aborts when the one that started it is gone. */
export function deserted(): AbortSignal {
  const controller = new AbortController();
  process.once("disconnect", () => controller.abort());
  // What it ends otherwise is not to wait for this.
  process.channel?.unref();
  return controller.signal;
}
