import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { NexusError } from "../../errors.ts";
import { cross, misuse } from "./failure.ts";
import { say } from "./output.ts";

/** As much of an app as serving it takes. Known by what it can do: the file may import another copy of the package. */
export interface ServableApp {
  start(options: { readonly host?: string; readonly port?: number; readonly listen?: boolean }): Promise<{ readonly url?: string }>;
  /** Makes an API key in the app's own file. */
  createKey(key: { readonly userId: string; readonly scopes: readonly string[]; readonly name?: string | undefined }): Promise<object>;
  stop(options: { readonly deadlineMs?: number }): Promise<{ readonly handlersLeft: number; readonly runsLeft: number }>;
  /** Absent in a copy of the package that does not know of it. */
  readonly site?: {
    /** Speaks MCP over two streams. Resolves when the other side has nothing more to say. */
    speakMcp?(input: Readable, output: Writable): Promise<void>;
  };
}

const USUAL = ["app.ts", "app.js", "app.mjs"];

/**
 * Imports the file and takes the app that it exports as default.
 *
 * @param file without one, app.ts, app.js or app.mjs of this folder.
 * @throws what the file throws; OPTION_INVALID when there is no file, or no app in it.
 */
export async function loadApp(file: string | undefined): Promise<ServableApp> {
  return await load(file).catch((error: unknown) => notLoaded(file, error));
}

/** The error goes on to be told with its stack; what else there is to know comes before it. */
function notLoaded(file: string | undefined, error: unknown): never {
  if (!NexusError.is(error, "OPTION_INVALID")) say(cross(`${file ?? "the app"} cannot be loaded`));
  const { code } = error as { code?: unknown };
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX")
    say("  Node only leaves the types out: no enums, namespaces, parameter properties or decorators. Compile the file, or do without.");
  throw error;
}

async function load(file: string | undefined): Promise<ServableApp> {
  const found = file ?? USUAL.find((name) => existsSync(name));
  if (found === undefined) throw misuse("app.ts", `there is none in ${process.cwd()}; name the file that exports your app`);
  if (!existsSync(found)) throw misuse(found, `there is no such file in ${process.cwd()}`);
  const module = (await import(pathToFileURL(resolve(found)).href)) as Readonly<Record<string, unknown>>;
  const app = module.default;
  if (isApp(app)) return app;
  const named = Object.keys(module).find((name) => isApp(module[name]));
  if (named !== undefined) throw misuse(found, `exports its app as ${named}; add: export default ${named}`);
  throw misuse(
    found,
    `${app === undefined ? "has no default export" : `exports ${spoken(app)} as default`}; end it with: export default new Nexus({ workflows })`,
  );
}

function isApp(value: unknown): value is ServableApp {
  return (
    typeof value === "object" &&
    value !== null &&
    ["start", "stop", "emitEvent"].every((name) => typeof Reflect.get(value, name) === "function")
  );
}

function spoken(value: unknown): string {
  if (value instanceof Promise) return "a promise";
  if (typeof value === "function") return /^class\b/.test(String(value)) ? "a class" : "a function";
  return typeof value === "object" && value !== null ? "an object that is no Nexus app" : `a ${typeof value}`;
}
