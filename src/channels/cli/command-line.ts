import { cross, DONE, misuse, report, WRONG_USAGE } from "./failure.ts";
import { say } from "./output.ts";
import { program, StoppedAt } from "./program.ts";
import { plain } from "./safe-text.ts";

/** Does what a command line says. Its exit code becomes the process's. @param args without those of Node. */
export async function commandLine(args: readonly string[]): Promise<void> {
  const json = wantsJson(args);
  try {
    await program().parseAsync(args, { from: "user" });
  } catch (error) {
    process.exitCode = error instanceof StoppedAt ? await usage(error, json) : await report(error, json);
  }
}

/** Also where the rest of the line cannot be read. */
function wantsJson(args: readonly string[]): boolean {
  return args.some((arg, n) => arg === "--output=json" || (arg === "--output" && args[n + 1] === "json"));
}

/** Help and version have been printed by now; anything else is a command line that cannot be read. */
async function usage(error: StoppedAt, json: boolean): Promise<number> {
  if (error.exitCode === 0) return DONE;
  if (error.code === "commander.help") return WRONG_USAGE;
  const reason = error.message.replace(/^error: /, "");
  if (json) return report(misuse("command line", reason), json);
  say(cross(plain(reason)));
  say(`  ${error.command} --help`);
  return WRONG_USAGE;
}
