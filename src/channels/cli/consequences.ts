import { isRunEvent, RUN_ENDS } from "../../events/built-in.ts";
import type { NexusEvent } from "../../events/event.ts";
import { errorText } from "./event-line.ts";
import { fields, recordOf, shown } from "./fields.ts";
import { paint } from "./output.ts";
import { shortId } from "./run-id.ts";
import { plain } from "./safe-text.ts";
import { duration } from "./time.ts";

const LABEL = "  then      ";

/** Whether an event is part of a run: of its stream, or emitted by its code. What handlers make of its events bears its id too. */
export function isOwn(runId: string, event: NexusEvent): boolean {
  return event.runId === runId && (isRunEvent(event.type) || event.id.startsWith(`${runId}:`));
}

/**
 * What a run led to outside itself, a line each: what handlers emitted, other runs, deliveries that failed.
 *
 * @param own the run's events. @param related those of its correlation, oldest first.
 */
export function consequences(runId: string, own: readonly NexusEvent[], related: readonly NexusEvent[]): string[] {
  const causes = new Set(own.map(({ id }) => id));
  // A run and a delivery have one line, which says what is the latest of it.
  const lines = new Map<string, string>();
  for (const event of related) {
    if (isOwn(runId, event)) continue;
    const caused = causes.has(event.causationId ?? "");
    if (event.runId !== undefined && isOwn(event.runId, event)) {
      const line = `run ${event.runId}`;
      // What another run leads to, `runs show` of that one tells.
      if (lines.has(line) ? RUN_ENDS.includes(event.type) : caused) lines.set(line, runText(event));
    } else if (caused) {
      causes.add(event.id);
      const { consumer, eventId } = recordOf(event.data);
      const delivery = event.type.startsWith("consumer.") && typeof eventId === "string";
      lines.set(delivery ? `delivery ${shown(consumer)} ${eventId}` : event.id, eventText(event));
    }
  }
  return [...lines.values()].map((line, n) => (n === 0 ? LABEL : " ".repeat(LABEL.length)) + line);
}

function runText({ type, runId = "", workflowName = "", data }: NexusEvent): string {
  const { durationMs, error } = recordOf(data);
  const took = typeof durationMs === "number" ? ` in ${duration(durationMs)}` : "";
  const why = error === undefined ? "" : `: ${errorText(error)}`;
  return `run ${shortId(runId)}  ${plain(workflowName)} ${plain(type.slice("workflow.".length))}${took}${why}`;
}

function eventText({ type, data }: NexusEvent): string {
  const { consumer, attempt, error } = recordOf(data);
  const cross = paint("red", "✖", process.stdout);
  switch (type) {
    case "handler.failed":
      return `${cross} a handler failed: ${errorText(error)}`;
    case "consumer.retrying":
      return `${cross} ${shown(consumer)} had to try again: ${errorText(error)}`;
    case "consumer.dead_lettered":
      return `${cross} ${shown(consumer)} gave up after ${String(attempt)} ${attempt === 1 ? "try" : "tries"}: ${errorText(error)}`;
    default:
      return `${plain(type)}  ${fields(data)}`.trimEnd();
  }
}
