/**
 * The conformance suite of MCP against Nexus: `npm run test:conformance`, less than a minute.
 *
 * Counted is what a revision requires, each scenario as one; the others are shown, and count for nothing. No failure is expected, so
 * there is no list of such. The last line counts what the suite wrote into its files; the exit code is 0 only when nothing failed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "./server.ts";

const REVISIONS = ["2026-07-28", "2025-11-25"];
/** For one revision, which takes some ten seconds. */
const MOST_MS = 180_000;
const SUITE = dirname(fileURLToPath(import.meta.resolve("@modelcontextprotocol/conformance/package.json")));

interface Check {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly errorMessage?: string;
}

const outcomes: boolean[] = [];
const results = mkdtempSync(join(tmpdir(), "nexus-conformance-"));
try {
  await using served = await serve();
  for (const revision of REVISIONS) outcomes.push(...(await outcomesOf(served.url, revision)));
} finally {
  rmSync(results, { recursive: true });
}
const failed = outcomes.filter((passed) => !passed).length;
const passed = outcomes.length - failed;
// As the test runner reports it: .ci/run adds these to its numbers.
if (process.env["CI"]) {
  mkdirSync("reports", { recursive: true });
  writeFileSync("reports/conformance.json", JSON.stringify({ numPassedTests: passed, numFailedTests: failed, testResults: [] }));
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** Whether it passed, of each scenario that the revision requires, and of the suite as a whole if it says that it did not. */
async function outcomesOf(url: string, revision: string): Promise<boolean[]> {
  const folder = join(results, revision);
  mkdirSync(folder);
  const said = await suite(["server", "--url", url, "--requirements", revision, "--output-dir", folder]);
  const checks = checksIn(folder);
  const required = requiredBy(revision);
  console.log(`\n${revision}`);
  for (const [scenario, of] of checks) console.log(lineOf(scenario, of, required.includes(scenario)));
  for (const scenario of required) if (!checks.has(scenario)) console.log(`✗ ${scenario}: it was not run`);
  const passed = required.map((scenario) => isPassed(checks.get(scenario) ?? []));
  if (said.code === 0) return passed;
  console.log(`✗ the suite ended with ${said.code}\n${said.output.slice(-2_000)}`);
  return passed.includes(false) ? passed : [...passed, false];
}

async function suite(args: readonly string[]): Promise<{ readonly code: number | string; readonly output: string }> {
  const child = spawn(process.execPath, [join(SUITE, "dist/index.js"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const late = setTimeout(() => child.kill("SIGKILL"), MOST_MS);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  clearTimeout(late);
  return { code: code ?? String(signal), output };
}

/** What was found in each scenario, in the order of the run. */
function checksIn(folder: string): ReadonlyMap<string, readonly Check[]> {
  const found = readdirSync(folder).map((name) => {
    const [, scenario = name, at = ""] = /^server-(.+)-(\d{4}-\d\d-\d\dT.+)$/.exec(name) ?? [];
    const file = join(folder, name, "checks.json");
    // There is none of a scenario that was cut off.
    const checks: readonly Check[] = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
    return { scenario, at, checks };
  });
  found.sort((one, other) => (one.at < other.at ? -1 : 1));
  return new Map(found.map(({ scenario, checks }) => [scenario, checks]));
}

function requiredBy(revision: string): readonly string[] {
  const text = readFileSync(join(SUITE, "requirements", `${revision}.yaml`), "utf8");
  const [, list = ""] = /^server:\n((?: {2}- .+\n)+)/m.exec(text) ?? [];
  const required = [...list.matchAll(/- (.+)/g)].map(([, scenario]) => scenario as string);
  if (required.length === 0) throw new Error(`nothing is required by ${revision}`);
  return required;
}

/** One without any check that passed has shown nothing. */
function isPassed(checks: readonly Check[]): boolean {
  return !checks.some(({ status }) => status === "FAILURE") && checks.some(({ status }) => status === "SUCCESS");
}

function lineOf(scenario: string, checks: readonly Check[], required: boolean): string {
  const count = (status: Check["status"]): number => checks.filter((check) => check.status === status).length;
  if (!required) return `  not required: ${scenario}, ${count("SUCCESS")} passed, ${count("FAILURE")} failed, ${count("WARNING")} warned`;
  const bad = checks.filter(({ status }) => status === "FAILURE" || status === "WARNING");
  const lines = bad.map(({ id, status, errorMessage = "" }) => `    ${status} ${id}: ${errorMessage}`);
  return [`${isPassed(checks) ? "✔" : "✗"} ${scenario}`, ...lines].join("\n");
}
