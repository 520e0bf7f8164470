import { type Findings, findings, named, type Seen } from "./checker.ts";

/** What a step did outside, written down as it did it: each time it is executed it makes up another token. */
export interface Effect {
  readonly run: string;
  readonly step: string;
  readonly token: string;
}

/** A run that a client asked for under a key. */
export type Start =
  | { readonly kind: "try"; readonly id: string; readonly data: unknown }
  | { readonly kind: "receipt"; readonly id: string; readonly runId: string }
  | { readonly kind: "fault"; readonly fault: string };

const ENDS = ["workflow.completed", "workflow.failed", "workflow.cancelled"];

/** Whether every key has one run, each run began once and was completed once, and no step was executed after it had been finished. */
export function checkRuns(workflow: string, starts: readonly Start[], effects: readonly Effect[], events: readonly Seen[]): Findings {
  const found = findings();
  const runOf = new Map<string, string>();
  for (const start of starts) {
    if (start.kind === "fault") found.faults.push(start.fault);
    if (start.kind === "receipt") runOf.set(start.id, start.runId);
  }
  for (const start of starts) if (start.kind === "try" && !runOf.has(start.id)) found.faults.push(`${start.id} was never answered`);
  const runs = grouped(
    events.filter(({ type, workflowName }) => workflowName === workflow && /^(?:workflow|step)\.(?!registered)/.test(type)),
    ({ runId }) => String(runId),
  );
  const asked = new Set(runOf.values());
  if (asked.size < runOf.size) found.repeated.push(`${runOf.size - asked.size} keys have the run of another`);
  for (const runId of asked) if (!runs.has(runId)) found.missing.push(`the run ${runId}`);
  for (const runId of runs.keys()) if (!asked.has(runId)) found.foreign.push(`the run ${runId}`);
  const executions = grouped(effects, ({ run, step }) => `${run} ${step}`);
  for (const [runId, life] of runs) checkRun(runId, life, executions, found);
  return found;
}

function checkRun(
  runId: string,
  life: readonly Seen[],
  executions: ReadonlyMap<string, readonly Effect[]>,
  found: ReturnType<typeof findings>,
): void {
  const begun = life.filter(({ type }) => type === "workflow.started");
  const ends = life.filter(({ type }) => ENDS.includes(type));
  const last = life.at(-1);
  if (begun.length !== 1) found.repeated.push(`${runId} began ${begun.length} times`);
  if (ends.length > 1) found.repeated.push(`${runId} ended ${ends.length} times`);
  if (last === undefined || !ENDS.includes(last.type)) return void found.missing.push(`the end of ${runId}`);
  if (last.type !== "workflow.completed") return void found.faults.push(`${named(last)}: ${JSON.stringify(last["data"])}`);
  const { tokens } = (last["data"] as { readonly result: { readonly tokens: Readonly<Record<string, string>> } }).result;
  for (const [step, token] of Object.entries(tokens)) {
    const tries = executions.get(`${runId} ${step}`) ?? [];
    const at = tries.findIndex((effect) => effect.token === token);
    if (at < 0) found.altered.push(`${runId} ${step}: nobody made ${token}`);
    // Whatever was finished gives back what it made then; an execution after that is one too many.
    else if (at < tries.length - 1) found.repeated.push(`${runId} ${step} ran again after it was finished`);
    const completed = life.filter(({ type, data }) => type === "step.completed" && (data as { readonly step: string }).step === step);
    if (completed.length > 1) found.repeated.push(`${runId} ${step} was finished ${completed.length} times`);
    const recorded = (completed[0]?.["data"] as { readonly result?: unknown } | undefined)?.result;
    if (typeof recorded === "string" && recorded !== token)
      found.altered.push(`${runId} ${step}: ${recorded} is recorded, ${token} was given back`);
  }
}

export function grouped<T>(values: readonly T[], key: (value: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group === undefined) groups.set(key(value), [value]);
    else group.push(value);
  }
  return groups;
}
