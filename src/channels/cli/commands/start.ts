import { Command, InvalidArgumentError } from "commander";
import { remote } from "../../../client/remote.ts";
import { type Cli, callHeaders, doing } from "../cli.ts";
import { drain } from "../draining.ts";
import { DONE, FAILED, report } from "../failure.ts";
import { aborted, interrupted } from "../interrupt.ts";
import { loadApp } from "../load-app.ts";
import { print, say, whenOutputCloses } from "../output.ts";
import { DRAIN_WATCHED_MS, isWatched, restarting } from "../restarting.ts";
import { jsonLine } from "../safe-text.ts";
import { runCommand } from "../workflow-lines.ts";

interface Options {
  readonly host?: string;
  readonly port?: number;
  readonly watch?: true;
}

export function start(): Command {
  return new Command("start")
    .summary("serve the app that the file exports as default")
    .description("Serve the Nexus app that the file exports as default. Ctrl-C drains it and ends; a second Ctrl-C ends it at once.")
    .argument("[app.ts]", "default: app.ts, app.js or app.mjs here")
    .option("--host <host>", "default: the app's own, else NEXUS_HOST, else 127.0.0.1")
    .option("--port <port>", "default: the app's own, else NEXUS_PORT or PORT, else 8000; 0 takes a free one", portOf)
    .option("--watch", "start it again whenever the file, or one that it imports, changes")
    .action(doing<Options>((cli, options, [file]) => (options.watch === true ? restarting() : serve(cli, file, options))));
}

async function serve(cli: Cli, file: string | undefined, options: Options): Promise<number> {
  // A server outlives whoever reads its output.
  whenOutputCloses("ignore");
  const app = await loadApp(file);
  // Here and not above: the other commands need no logger, and start faster without it.
  const fatal = (await import("../faults.ts")).watchFaults();
  const { host, port } = options;
  const { url = "nowhere" } = await app
    .start({ ...(host !== undefined && { host }), ...(port !== undefined && { port }) })
    .catch(async (error: unknown) => process.exit(await report(error, cli.json)));
  const stop = interrupted();
  if (cli.json) await print(jsonLine({ url }));
  else {
    await print(`listening on ${url}`);
    for (const line of await whatNext(url)) say(line);
  }
  await aborted(AbortSignal.any([stop, fatal]));
  if (!isWatched()) say("stopping: what is under way may end; once more to end at once");
  await drain(app, isWatched() ? { deadlineMs: DRAIN_WATCHED_MS } : {});
  // Whatever else the file has left open would keep the process.
  process.exit(fatal.aborted ? FAILED : DONE);
}

async function whatNext(url: string): Promise<string[]> {
  const where = url === "http://127.0.0.1:8000" ? "" : ` --url ${url}`;
  // Only a suggestion: a server that does not tell is no reason to say more.
  const first = await remote(url, { headers: callHeaders() })
    .workflows()
    .then(({ workflows }) => workflows[0])
    .catch(() => undefined);
  const run = first === undefined ? "nexus workflows" : runCommand(first);
  return ["  try in a second terminal, and a third:", `  ${run}${where}`, `  nexus events tail${where}`];
}

function portOf(value: string): number {
  const port = Number(value);
  if (!/^\d{1,5}$/.test(value) || port > 65_535) throw new InvalidArgumentError("It is not a port.");
  return port;
}
