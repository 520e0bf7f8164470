import { Command } from "commander";
import { delay } from "../../../client/delay.ts";
import { NexusError } from "../../../errors.ts";
import { MessageLines } from "../../message-lines.ts";
import { apart, deserted, isApart, outputApart } from "../apart.ts";
import { Bridge } from "../bridge/bridge.ts";
import { FarSide } from "../bridge/far-side.ts";
import { type Cli, credentials, doing, type Everywhere } from "../cli.ts";
import { drain } from "../draining.ts";
import { DONE, FAILED, misuse, report } from "../failure.ts";
import { aborted, interrupted } from "../interrupt.ts";
import { loadApp, type ServableApp } from "../load-app.ts";
import { flushed, say, whenOutputCloses } from "../output.ts";

interface Options {
  readonly app?: string | true;
}

/** A client that ends a process kills it after some 2 s. What has not ended by then goes on at the next start. */
const DRAIN_MS = 500;
/** One that starts a new process does not wait until the one before has ended. */
const PATIENCE_MS = 3_000;
const RETRY_MS = 100;

export function mcp(): Command {
  return new Command("mcp")
    .summary("speak MCP on stdio")
    .description(
      "Speak MCP on standard input and output, for a client that starts this command: in front of the server at --url, or, with --app, as the app itself.",
    )
    .option("--app [app.ts]", "run the app that the file exports as default; without a file, app.ts, app.js or app.mjs here")
    .action(
      doing<Options>((cli, { app }, _args, command) => {
        if (app === undefined) return carry(cli);
        if (command.optsWithGlobals<Everywhere>().url !== undefined) throw misuse("--url", "it is for a server; with --app there is none");
        return isApart() ? serve(app === true ? undefined : app) : apart();
      }),
    );
}

/** Where the client is gone, its input ends: that ends the command, too. */
async function carry({ remote }: Cli): Promise<number> {
  whenOutputCloses("ignore");
  const lines = new MessageLines(process.stdin, process.stdout);
  interrupted().addEventListener("abort", () => lines.close());
  await new Bridge(lines, new FarSide(remote.url, credentials())).run();
  await flushed(process.stdout);
  // Connections that are kept for further requests would keep the process.
  process.exit(DONE);
}

async function serve(file: string | undefined): Promise<number> {
  whenOutputCloses("ignore");
  const stop = AbortSignal.any([interrupted(), deserted()]);
  const app = await loadApp(file);
  if (app.site?.speakMcp === undefined) throw misuse(file ?? "the app", "its copy of nexus-event-system does not speak MCP on stdio");
  const fatal = (await import("../faults.ts")).watchFaults();
  await begin(app);
  const output = outputApart();
  await Promise.race([app.site.speakMcp(process.stdin, output), aborted(AbortSignal.any([stop, fatal]))]);
  await drain(app, { deadlineMs: DRAIN_MS });
  await flushed(output);
  process.exit(fatal.aborted ? FAILED : DONE);
}

async function begin(app: ServableApp): Promise<void> {
  for (const until = Date.now() + PATIENCE_MS; ; await delay(RETRY_MS)) {
    try {
      await app.start({ listen: false });
      return;
    } catch (error) {
      if (NexusError.is(error, "STORE_LOCKED") && Date.now() < until) continue;
      const code = await report(error, false);
      if (NexusError.is(error, "STORE_LOCKED"))
        say("  if that is a server: nexus mcp, without --app, speaks MCP in front of it, for any number of clients");
      process.exit(code);
    }
  }
}
