import { Command } from "commander";
import type { WorkflowAnswer } from "../../../client/remote.ts";
import { NexusError } from "../../../errors.ts";
import type { Cursor, NexusEvent } from "../../../events/event.ts";
import type { JsonObject } from "../../../events/json.ts";
import { type Cli, doing } from "../cli.ts";
import { connectionNotes } from "../connection-notes.ts";
import { errorText } from "../event-line.ts";
import { cross, DONE, FAILED, misuse, report } from "../failure.ts";
import { recordOf } from "../fields.ts";
import { type InputOptions, readInputs } from "../inputs.ts";
import { interrupted } from "../interrupt.ts";
import { misfit } from "../misfit.ts";
import { answerOf, type Outcome, outcomeIn, outcomeOf } from "../outcome.ts";
import { paint, print, say, statusLine } from "../output.ts";
import { shortId } from "../run-id.ts";
import { runView } from "../run-view.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { resolveSessionId } from "../session-id.ts";
import { duration } from "../time.ts";
import { several } from "../values.ts";
import { workflowLines } from "../workflow-lines.ts";

interface Options extends InputOptions {
  readonly idempotencyKey?: string;
  readonly session?: string;
  readonly help?: true;
}

export function run(): Command {
  return new Command("run")
    .summary("run it and stay until it ends")
    .description("Run a workflow and stay until it ends. Ctrl-C asks the server to cancel it; a second Ctrl-C only leaves.")
    .usage("NAME -i key=value …")
    .argument("[NAME]")
    .option("-i <key=value>", "an input, read as the workflow's schema says; key=@file takes it from a file", several)
    .option("--inputs <json>", "all inputs as one JSON object: as typed, @file, or - for standard input; -i is laid over it")
    .option("--idempotency-key <key>", "the same key gives the same run: a command that is repeated runs nothing twice")
    .option("--session <id>", "in a session: its id, or the last 4 or more characters of it")
    .helpOption(false)
    .option("-h, --help", "this, and with NAME its inputs")
    .action(
      doing<Options>(async (cli, options, [name], command) => {
        if (options.help === true) return help(cli, name, command);
        if (name === undefined) throw misuse("NAME", `which workflow? List them with: ${cli.hint("nexus workflows")}`);
        return runToEnd(cli, await cli.remote.workflow(name), options);
      }),
    );
}

async function help(cli: Cli, name: string | undefined, command: Command): Promise<number> {
  if (name === undefined) {
    await print(command.helpInformation().trimEnd());
    return DONE;
  }
  for (const line of workflowLines(await cli.remote.workflow(name), cli)) await print(line);
  return DONE;
}

async function runToEnd(cli: Cli, workflow: WorkflowAnswer, options: Options): Promise<number> {
  const inputs = await readInputs(workflow.inputSchema, options);
  const session = options.session === undefined ? undefined : await resolveSessionId(cli.remote, options.session);
  const stop = interrupted();
  let started: { readonly runId: string; readonly cursor: Cursor };
  try {
    started = await startRun(cli, workflow.name, inputs, { idempotencyKey: options.idempotencyKey, session });
  } catch (error) {
    if (cli.json || !NexusError.is(error, "INPUT_INVALID")) throw error;
    return misfit(`inputs do not fit ${workflow.name}`, workflow.inputSchema, inputs, error.details.faults);
  }
  const { runId, cursor } = started;
  const status = statusLine();
  const view = cli.json ? undefined : runView(workflow.name, runId, status);
  const notes = connectionNotes(status);
  const leaving = new AbortController();
  let notCancelled: unknown;
  const cancel = (): void => {
    if (!cli.json) status.say("  asking the server to cancel; once more to leave it running");
    cli.remote.cancelRun(runId, "Ctrl-C").catch((error: unknown) => {
      notCancelled = error;
      leaving.abort();
    });
  };
  if (stop.aborted) cancel();
  else stop.addEventListener("abort", cancel, { once: true });

  const tries = new Map<string, number>();
  let outcome: Outcome | undefined;
  for await (const told of cli.remote.follow({ runId, broadcast: "include" }, { after: cursor, signal: leaving.signal, known: true })) {
    if (told.kind === "lost") notes.lost(told);
    if (told.kind === "resume") {
      notes.resumed(told);
      // Its end may be among what is missing.
      if (!told.recovered) outcome = outcomeOf(await cli.remote.run(runId));
    }
    if (told.kind === "event") {
      countTries(tries, told.event, runId);
      outcome = outcomeIn(told.event, runId);
      view?.event(told.event);
    }
    if (outcome !== undefined) break;
  }
  status.set();
  if (outcome !== undefined) return cli.json ? answer(outcome, runId, cursor) : conclude(cli, outcome, runId, tries);
  if (!cli.json) say(cross(`run ${shortId(runId)} was not cancelled, and goes on`));
  return report(notCancelled, cli.json);
}

/** A run that has ended otherwise is answered as such: it was made all the same, and is followed like any other. */
async function startRun(
  cli: Cli,
  workflow: string,
  inputs: JsonObject,
  options: { readonly idempotencyKey: string | undefined; readonly session: string | undefined },
): Promise<{ readonly runId: string; readonly cursor: Cursor }> {
  try {
    return await cli.remote.startRun(workflow, inputs, options);
  } catch (error) {
    if (NexusError.is(error, "WORKFLOW_FAILED")) return error.details;
    if (NexusError.is(error, "RUN_CANCELLED") && error.details.cursor !== undefined)
      return { runId: error.details.runId, cursor: error.details.cursor };
    throw error;
  }
}

function countTries(tries: Map<string, number>, event: NexusEvent, runId: string): void {
  const { step, attempt } = recordOf(event.data);
  if (event.runId === runId && event.type === "step.failed") tries.set(String(step), Number(attempt));
}

async function answer(outcome: Outcome, runId: string, cursor: Cursor): Promise<number> {
  try {
    await print(jsonLine(answerOf(outcome, runId, cursor)));
    return DONE;
  } catch (error) {
    return report(error, true);
  }
}

async function conclude(cli: Cli, outcome: Outcome, runId: string, tries: ReadonlyMap<string, number>): Promise<number> {
  if (outcome.status === "completed") {
    say(`${paint("green", "✔")} completed in ${duration(outcome.durationMs)}`);
    if (outcome.result !== undefined) await print(jsonLine(outcome.result));
    return DONE;
  }
  if (outcome.status === "cancelled") say(cross(`cancelled after ${duration(outcome.durationMs)}`));
  else say(cross(`failed${whereOf(outcome.error.step, tries)}: ${errorText(outcome.error)}`));
  say(`  ${cli.hint(`nexus runs show ${shortId(runId)}`)}        what happened, step by step`);
  return FAILED;
}

function whereOf(step: string | undefined, tries: ReadonlyMap<string, number>): string {
  if (step === undefined) return "";
  const count = tries.get(step) ?? 1;
  return ` in step ${plain(step)} after ${count} ${count === 1 ? "try" : "tries"}`;
}
