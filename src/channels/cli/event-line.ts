import type { NexusEvent } from "../../events/event.ts";
import { fields, recordOf, shown } from "./fields.ts";
import { paint } from "./output.ts";
import { shortId } from "./run-id.ts";
import { pad, plain } from "./safe-text.ts";
import { clock, duration } from "./time.ts";

/** An event as one line of standard output. A broadcast is marked with `!`. */
export function eventLine(event: NexusEvent): string {
  const type = pad(`${event.broadcast === true ? "! " : ""}${plain(event.type)}`, 18);
  const columns = [
    paint("dim", clock(event.timestamp), process.stdout),
    pad(plain(event.channel), 3),
    pad(event.runId === undefined ? "" : shortId(event.runId), 6),
    paint(styleOf(event), type, process.stdout),
    ...detailsOf(event),
  ];
  return columns.join("  ").trimEnd();
}

function styleOf(event: NexusEvent): Parameters<typeof paint>[0] {
  if (event.broadcast === true) return "yellow";
  if (event.type.endsWith(".failed") || event.type === "consumer.dead_lettered") return "red";
  if (event.type === "workflow.completed") return "green";
  return event.type.startsWith("workflow.") ? "cyan" : "bold";
}

/** What there is to say of it: a lifecycle event's own fields in words, the data of any other. */
function detailsOf(event: NexusEvent): string[] {
  if (event.type.startsWith("workflow.")) return [plain(event.workflowName ?? ""), ...runDetails(event)].filter((part) => part !== "");
  if (event.type.startsWith("step.")) return stepDetails(event).filter((part) => part !== "");
  if (event.type === "session.created" || event.type === "session.updated") return [sessionDetails(recordOf(event.data))];
  return [fields(event.data)];
}

function runDetails({ type, data }: NexusEvent): string[] {
  const { inputs, result, error, durationMs, description, tags: _tags, inputSchema: _in, resultSchema: _out, ...rest } = recordOf(data);
  const took = typeof durationMs === "number" ? duration(durationMs) : "";
  switch (type) {
    case "workflow.queued":
    case "workflow.started":
      return [fields(inputs)];
    case "workflow.completed":
      return [took, fields(result)];
    case "workflow.failed":
      return [took, errorText(error)];
    case "workflow.registered":
      return [shown(description)];
    default:
      return [took, fields(rest)];
  }
}

/** What came into a session: its first data, what was changed in it, who joined. */
function sessionDetails({ initialData, changes = initialData, joined }: Readonly<Record<string, unknown>>): string {
  return joined === undefined ? fields(changes) : `${shown(joined)} joined`;
}

function stepDetails({ data }: NexusEvent): string[] {
  const { step, durationMs, error, result: _result, attempt, delayMs, ...rest } = recordOf(data);
  return [
    shown(step),
    typeof durationMs === "number" ? duration(durationMs) : "",
    typeof attempt === "number" && attempt > 1 ? `try ${attempt}` : "",
    error === undefined ? "" : errorText(error),
    typeof delayMs === "number" ? `again in ${duration(delayMs)}` : "",
    Object.keys(rest).length === 0 ? "" : fields(rest),
  ];
}

/** A recorded error in one line: its message, behind its code unless the message names that itself. */
export function errorText(error: unknown): string {
  const { name, message, code } = recordOf(error);
  const said = shown(message) || shown(name) || "unknown error";
  return typeof code === "string" && !said.includes(code) ? `${plain(code)}: ${said}` : said;
}
