import type { Command } from "commander";
import { type Remote, remote } from "../../client/remote.ts";
import { misuse } from "./failure.ts";
import { plain } from "./safe-text.ts";

/** What every command works with. */
export interface Cli {
  readonly remote: Remote;
  /** JSON on standard output, and nothing for people. */
  readonly json: boolean;
  /** A command to try next, for the same server. */
  hint(command: string): string;
  /** The command line as it was typed, with these options in place of those of the same names. */
  again(options: Readonly<Record<`--${string}`, string>>): string;
}

/** The options of every command. */
export interface Everywhere {
  readonly url?: string;
  readonly output: "text" | "json";
}

/** What goes with every call: where it came in, and who calls. @throws OPTION_INVALID as `credentials` does. */
export function callHeaders(): Readonly<Record<string, string>> {
  return { "nexus-channel": "cli", ...credentials() };
}

/** The key, which is shown nowhere. @throws OPTION_INVALID, without showing it, for a key that no header can carry. */
export function credentials(): Readonly<Record<string, string>> {
  const key = process.env.NEXUS_API_KEY;
  if (key === undefined || key === "") return {};
  if (!/^[!-~]+$/.test(key)) throw misuse("NEXUS_API_KEY", "it has other characters than printable ASCII, or a space");
  return { authorization: `Bearer ${key}` };
}

/** Makes work out of a command: its exit code becomes the process's. */
export function doing<Options>(
  work: (cli: Cli, options: Options, args: readonly string[], command: Command) => Promise<number>,
): (this: Command) => Promise<void> {
  return async function (this: Command): Promise<void> {
    process.exitCode = await work(cliOf(this), this.opts() as Options, this.args, this);
  };
}

function cliOf(command: Command): Cli {
  const { url, output } = command.optsWithGlobals<Everywhere>();
  const server = addressOf(url !== undefined ? "--url" : "NEXUS_URL", url ?? (process.env.NEXUS_URL || "http://127.0.0.1:8000"));
  return {
    remote: remote(server, { headers: callHeaders() }),
    json: output === "json",
    hint: (text) => (url === undefined ? text : `${text} --url ${quoted(url)}`),
    again: (options) =>
      ["nexus", ...[...without(process.argv.slice(2), Object.keys(options)), ...Object.entries(options).flat()].map(quoted)].join(" "),
  };
}

function addressOf(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw misuse(option, `${JSON.stringify(text)} is not an http or https address`);
  return url.href;
}

function without(line: readonly string[], names: readonly string[]): string[] {
  return line.filter((arg, i) => !names.includes(arg.split("=", 1)[0] ?? "") && !names.includes(line[i - 1] ?? ""));
}

/** An argument as a POSIX shell reads it back, but for what a terminal would obey. */
function quoted(given: string): string {
  const argument = plain(given);
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
