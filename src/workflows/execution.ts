import { NexusError } from "../errors.ts";
import { resultText, runErrorOf } from "../events/limits.ts";
import { type LiveRun, raced } from "./live-run.ts";
import { outcomeOf } from "./outcome.ts";
import { onlyWaits } from "./run.ts";
import { type Children, runContext } from "./run-context.ts";
import { endOf } from "./run-event.ts";
import { failedStep } from "./steps.ts";
import { endFirstWait } from "./waits.ts";

const TAKEN_UP_IN_VAIN = 10;

/** A new run: starts when it has a slot, and goes on to its end. */
export async function begin(run: LiveRun, children: Children): Promise<void> {
  await run.takeSlot("fresh");
  if (!run.state.started) await run.recorded("workflow.started", startOf(run.state.inputs, run.code.options.version));
  await execute(run, children);
}

/** What `workflow.started` says. */
export function startOf(inputs: object, version: string | undefined, fingerprint?: string): object {
  return { inputs, ...(version !== undefined && { version }), ...(fingerprint !== undefined && { fingerprint }) };
}

/** A run that was left: it waits on if it only waits; then its code runs again. */
export async function resume(run: LiveRun, children: Children): Promise<void> {
  const over = run.timeOver();
  if (over !== undefined) return await fail(run, over);
  run.limitTime();
  if (onlyWaits(run.state)) await run.suspended(() => endFirstWait(run, children));
  await run.takeSlot("returning");
  const { attempt, vain } = run.state;
  if (vain >= TAKEN_UP_IN_VAIN) return await fail(run, new NexusError("RUN_ABANDONED", { runId: run.runId, attempts: attempt }));
  await run.recorded("workflow.resumed", { attempt: attempt + 1 });
  run.replay();
  await execute(run, children);
}

/** What stopped a run that was not its code: a limit of its time, which ends it; anything else leaves it as it is recorded. */
export async function stopped(run: LiveRun, error: unknown): Promise<void> {
  // It was left, or its end is on the way to the log: whoever did that goes on from there.
  if (run.stream.closed && (run.signal.aborted || NexusError.is(error, "RUN_LOST"))) return;
  const { reason } = run.signal;
  if (NexusError.is(reason, "RUN_TIMEOUT") || NexusError.is(reason, "RUN_EXPIRED")) return await fail(run, reason);
  if (!run.signal.aborted) run.services.logger.error({ error, runId: run.runId }, "a run was left, and is taken up at the next start");
  run.leave(NexusError.is(error) ? error : new NexusError("INTERNAL", {}, { cause: error }));
}

async function execute(run: LiveRun, children: Children): Promise<void> {
  run.limitTime();
  let result: unknown;
  try {
    result = await callCode(run, children);
  } catch (error) {
    if (run.signal.aborted) return await stopped(run, error);
    return await fail(run, error);
  }
  await complete(run, result);
}

async function callCode(run: LiveRun, children: Children): Promise<unknown> {
  const { services, runId, signal, state } = run;
  const inputs = await services.secrets.whole(runId, "inputs", state.inputs, signal);
  const metadata = await services.secrets.whole(runId, "metadata", state.metadata, signal);
  const parsed = run.code.inputs?.parse(inputs) ?? { value: inputs };
  if (parsed.faults !== undefined) throw new NexusError("INPUT_INVALID", { workflow: run.state.workflowName, faults: parsed.faults });
  const ctx = runContext(run, children, { inputs, metadata });
  const call = run.traced(async () => run.code.run(parsed.value as never, ctx));
  return checkResult(run, await raced(call, run.signal));
}

function checkResult(run: LiveRun, value: unknown): unknown {
  const parsed = run.code.result?.parse(value) ?? { value };
  if (parsed.faults !== undefined) {
    throw new NexusError("RESULT_INVALID", {
      path: parsed.faults[0]?.path ?? "",
      reason: parsed.faults.map(({ path, message }) => `${path || "(root)"}: ${message}`).join("; "),
    });
  }
  const text = resultText(parsed.value, run.limits.resultBytes, run.limits.nesting);
  return text === undefined ? undefined : JSON.parse(text);
}

/** Whoever waits for the result gets it as it is recorded: the same as whoever asks later. */
async function complete(run: LiveRun, whole: unknown): Promise<void> {
  const result = run.services.secrets.recordable("result", whole);
  run.progress.flush();
  const end = endOf(run.services, run.state);
  await run.stream.end(run.event("workflow.completed", { ...end, ...(result !== undefined && { result }) }));
  run.finish({ status: "completed", result, durationMs: end.durationMs });
}

async function fail(run: LiveRun, thrown: unknown): Promise<void> {
  run.progress.flush();
  const error = run.services.secrets.recordableError(runErrorOf(thrown, failedStep(thrown)));
  await run.stream.end(run.event("workflow.failed", { ...endOf(run.services, run.state), error, attempt: run.state.attempt }));
  run.finish(await outcomeOf(run.services, run.state));
}
