import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Command } from "commander";
import { glanceAt } from "../../../stores/upkeep.ts";
import { type Cli, doing } from "../cli.ts";
import { type FileOption, fileOf, fileOption } from "../database-file.ts";
import type { Finding, Patient } from "../doctor/check.ts";
import { CHECKS } from "../doctor/checks.ts";
import { DONE, FAILED } from "../failure.ts";
import { paint, print } from "../output.ts";
import { jsonLine, pad, plain } from "../safe-text.ts";

const SIGNS = { ok: ["green", "✔"], warn: ["yellow", "!"], fail: ["red", "✖"] } as const;
/** A server that says nothing for so long does not answer. */
const ASKED_MS = 5_000;
const WIDTH = Math.max(...Object.keys(CHECKS).map((name) => name.length));

export function doctor(): Command {
  return new Command("doctor")
    .summary("look for what keeps it from working, and say what to do")
    .description(
      "Look at this machine, the database file, the port, the server and the credentials, and say what to do. It changes nothing.",
    )
    .addOption(fileOption())
    .action(doing<FileOption>((cli, options) => examine(cli, fileOf(options))));
}

async function examine(cli: Cli, file: string): Promise<number> {
  const patient = await patientOf(cli, file);
  const found: (Finding & { readonly name: string })[] = [];
  for (const [name, check] of Object.entries(CHECKS)) {
    const finding = await check(patient);
    found.push({ name, ...finding });
    if (!cli.json) for (const line of linesOf(name, finding)) await print(line);
  }
  const works = found.every(({ status }) => status !== "fail");
  if (cli.json) await print(jsonLine({ works, checks: found }));
  return works ? DONE : FAILED;
}

async function patientOf({ remote }: Cli, file: string): Promise<Patient> {
  const now = Date.now();
  const [glance, health] = await Promise.all([orError(glanceAt(file, now)), orError(remote.health(AbortSignal.timeout(ASKED_MS)))]);
  return { file, folder: nearest(dirname(resolve(file))), glance, url: remote.url, health, now };
}

function orError<T>(asked: Promise<T>): Promise<T | Error> {
  return asked.catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
}

function nearest(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder));
}

function linesOf(name: string, { status, says, todo }: Finding): string[] {
  const [colour, sign] = SIGNS[status];
  const line = `${paint(colour, sign, process.stdout)} ${pad(name, WIDTH)}  ${plain(says)}`;
  return todo === undefined ? [line] : [line, `${" ".repeat(WIDTH + 4)}${plain(todo)}`];
}
