import { spawn } from "node:child_process";
import { FAILED } from "./failure.ts";
import { whenOutputCloses } from "./output.ts";

const WATCHED = "NEXUS_WATCHED";
/** Whoever saves a file wants to see what it does: runs under way go on in the next process anyway. */
export const DRAIN_WATCHED_MS = 300;

/** Whether this process is one that is started again and again. */
export function isWatched(): boolean {
  return process.env[WATCHED] === "1";
}

/** Does the same command in a process that Node starts again whenever a file it has imported changes. @returns its exit code. */
export async function restarting(): Promise<number> {
  whenOutputCloses("ignore");
  const args = process.argv.slice(1).filter((arg) => arg !== "--watch");
  const child = spawn(process.execPath, [...process.execArgv, "--watch", "--watch-preserve-output", ...args], {
    stdio: "inherit",
    env: { ...process.env, [WATCHED]: "1" },
  });
  // A terminal sends Ctrl-C to both; this process only waits for the other.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? FAILED));
  });
}
