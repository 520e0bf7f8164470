import { type BuiltInData, isReserved } from "../events/built-in.ts";
import type { NexusEvent } from "../events/event.ts";

const DATA_CHARACTERS = 500;

/** How a run stands after an event of its life. */
const STATUS: Readonly<Record<string, string>> = {
  "workflow.queued": "Queued",
  "workflow.started": "Running",
  "workflow.resumed": "Running",
  "workflow.completed": "Success",
  "workflow.failed": "Failed",
  "workflow.cancelled": "Cancelled",
};

/** An event in one line, for people. */
export function headline(event: NexusEvent): string {
  const [prefix, what = ""] = event.type.split(/\.(.*)/s);
  const data = event.data as Partial<BuiltInData["workflow.progress"] & BuiltInData["consumer.lost"]> & { readonly message?: unknown };
  switch (prefix) {
    case "workflow":
      return what === "progress"
        ? `Workflow ${event.workflowName}: ${data.percentage} %${data.step === undefined ? "" : ` (${data.step})`}`
        : `Workflow ${event.workflowName} ${what}`;
    case "step":
      return `Step ${data.step} of workflow ${event.workflowName} ${what}`;
    case "session":
      return `Session ${event.sessionId} ${what}`;
    case "consumer":
      return `Consumer ${data.consumer}: ${what.replaceAll("_", " ")}`;
    case "handler":
      return "A handler failed";
    default:
      return typeof data === "object" && typeof data?.message === "string" ? `${event.type}: ${data.message}` : event.type;
  }
}

/** What else is worth knowing of an event, in order, by title. */
export function facts(event: NexusEvent): readonly (readonly [title: string, value: string])[] {
  const data = (event.data ?? {}) as {
    readonly durationMs?: unknown;
    readonly error?: { readonly message?: unknown };
    readonly reason?: unknown;
  };
  const builtIn = isReserved(event.type);
  const all: readonly (readonly [string, string | undefined])[] = [
    ["Error", builtIn && data.error !== undefined ? String(data.error.message) : undefined],
    ["Reason", builtIn && typeof data.reason === "string" ? data.reason : undefined],
    ["Duration", builtIn && typeof data.durationMs === "number" ? `${(data.durationMs / 1_000).toFixed(2)}s` : undefined],
    ["Data", builtIn ? undefined : cut(JSON.stringify(event.data))],
    ["Channel", event.channel],
    ["Status", STATUS[event.type]],
  ];
  return all.filter((fact): fact is readonly [string, string] => fact[1] !== undefined);
}

function cut(text: string): string {
  return text.length <= DATA_CHARACTERS ? text : `${text.slice(0, DATA_CHARACTERS).toWellFormed()}…`;
}
