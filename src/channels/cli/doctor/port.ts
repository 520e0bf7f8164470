import { createServer } from "node:net";
import { type Check, type Finding, fail, ok } from "./check.ts";

const ASKED_MS = 3_000;
const CHOOSE = "choose another port with --port or NEXUS_PORT";

/** The port that `nexus start` would take here. */
export const port: Check = async () => {
  const host = (process.env["NEXUS_HOST"] || "127.0.0.1").replace(/^\[(.*)\]$/, "$1");
  const text = process.env["NEXUS_PORT"] || process.env["PORT"] || "8000";
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > 65_535)
    return fail(`${JSON.stringify(text)} is no port`, "set NEXUS_PORT, or PORT, to a number from 0 to 65535");
  const address = `${host.includes(":") ? `[${host}]` : host}:${number}`;
  const code = await refusal(host, number);
  if (code === undefined) return ok(number === 0 ? "the system chooses a free one" : `${address} is free`);
  if (code === "EADDRINUSE") return await takenBy(address);
  if (code === "EACCES") return fail(`${address} is not allowed to this user`, CHOOSE);
  return fail(`${address} cannot be listened on: ${code}`, "set NEXUS_HOST to an address of this machine");
};

/** Why nobody could listen there; `undefined` where one can. */
function refusal(host: string, number: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(number, host, () => server.close(() => resolve(undefined)));
  });
}

async function takenBy(address: string): Promise<Finding> {
  if (await isNexus(`http://${address}/healthz`)) return ok(`a Nexus server listens on ${address}`);
  return fail(`another program listens on ${address}`, `stop it, or ${CHOOSE}`);
}

/** No credential goes there: it may be anybody. */
async function isNexus(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ASKED_MS), redirect: "error" });
    return ((await response.json()) as { readonly status?: unknown } | null)?.status === "ok";
  } catch {
    // Whoever does not answer, or says something else, is none.
    return false;
  }
}
