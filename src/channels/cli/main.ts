import { CommanderError } from "commander";
import { cross, DONE, misuse, report, WRONG_USAGE } from "./failure.ts";
import { say, whenOutputCloses } from "./output.ts";
import { program } from "./program.ts";

whenOutputCloses("end");
const json = /(^|\s)--output[\s=]json(\s|$)/.test(process.argv.slice(2).join(" "));
try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = error instanceof CommanderError ? await usage(error) : await report(error, json);
}

/** Help and version have been printed by now; anything else is a command line that cannot be read. */
async function usage(error: CommanderError): Promise<number> {
  if (error.exitCode === 0) return DONE;
  if (error.code === "commander.help") return WRONG_USAGE;
  const reason = error.message.replace(/^error: /, "");
  if (json) return report(misuse("command line", reason), json);
  say(cross(reason));
  say("  nexus --help");
  return WRONG_USAGE;
}
