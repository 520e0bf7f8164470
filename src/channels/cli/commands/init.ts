import { access, constants, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { type Cli, doing } from "../cli.ts";
import { DONE, misuse } from "../failure.ts";
import { print, say } from "../output.ts";
import { jsonLine } from "../safe-text.ts";
import { table } from "../table.ts";

/** What a new project begins with; a file that is there already is left as it is. */
const FILES = ["workflows.ts", "app.ts", "app.test.ts", "tsconfig.json"] as const;
const SCRIPTS = { start: "nexus start", dev: "nexus start --watch", test: "node --test" } as const;
const IGNORED = "node_modules/\n.nexus/\n";

type Fate = "made" | "completed" | "left as it is";

export function init(): Command {
  return new Command("init")
    .summary("write a first app here")
    .description("Write a first app, its test and its settings. What is there already is left as it is.")
    .argument("[folder]", "default: here")
    .action(doing((cli, _options, [folder = "."]) => begin(cli, resolve(folder))));
}

async function begin(cli: Cli, folder: string): Promise<number> {
  await mkdir(folder, { recursive: true });
  const starter = fileURLToPath(new URL("starter/", import.meta.resolve("nexus-event-system/package.json")));
  const fates: [file: string, fate: Fate][] = [];
  for (const file of FILES)
    fates.push([file, await made(() => copyFile(join(starter, file), join(folder, file), constants.COPYFILE_EXCL))]);
  fates.push([".gitignore", await made(() => writeFile(join(folder, ".gitignore"), IGNORED, { flag: "wx" }))]);
  const { fate, installed } = await packageJson(join(folder, "package.json"));
  fates.push(["package.json", fate]);
  if (cli.json) {
    await print(jsonLine({ folder, files: Object.fromEntries(fates) }));
    return DONE;
  }
  for (const line of table(fates)) await print(line);
  say("  next:");
  if (!installed) say("  npm install nexus-event-system");
  say("  npm install --save-dev typescript @types/node    for your editor and `npx tsc`");
  say("  npx nexus start --watch");
  return DONE;
}

async function made(write: () => Promise<void>): Promise<Fate> {
  try {
    await write();
    return "made";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return "left as it is";
    throw error;
  }
}

/** Adds what is missing: modules, and scripts that are not there. What npm wrote and nobody has used yet gives way. */
async function packageJson(file: string): Promise<{ readonly fate: Fate; readonly installed: boolean }> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
  const found = text === undefined ? { private: true } : objectIn(file, text);
  const { scripts = {}, dependencies = {}, devDependencies = {} } = found as Readonly<Record<string, Readonly<Record<string, string>>>>;
  // What npm writes into a new package.json, and nobody meant.
  const ownScripts = Object.fromEntries(
    Object.entries(scripts).filter(([name, script]) => !(name === "test" && /no test specified/.test(script))),
  );
  const isModule = !("type" in found) || (await isUntouched(file, found));
  const whole = { ...found, ...(isModule && { type: "module" }), scripts: { ...SCRIPTS, ...ownScripts } };
  const installed = "nexus-event-system" in { ...dependencies, ...devDependencies };
  const written = `${JSON.stringify(whole, undefined, 2)}\n`;
  if (text !== undefined && JSON.stringify(found) === JSON.stringify(whole)) return { fate: "left as it is", installed };
  await writeFile(file, written);
  return { fate: text === undefined ? "made" : "completed", installed };
}

/** As `npm init -y` makes it, without a file of CommonJS that it could be about. */
async function isUntouched(
  file: string,
  found: { readonly type?: unknown; readonly main?: unknown; readonly scripts?: object },
): Promise<boolean> {
  const { type, main = "index.js", scripts = {} } = found;
  const [[name, script] = [], ...others] = Object.entries(scripts);
  if (type !== "commonjs" || name !== "test" || !/no test specified/.test(String(script)) || others.length > 0) return false;
  return await access(join(dirname(file), String(main))).then(
    () => false,
    () => true,
  );
}

function objectIn(file: string, text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw misuse(file, `is not JSON: ${(cause as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw misuse(file, "is not a JSON object");
  return value;
}
