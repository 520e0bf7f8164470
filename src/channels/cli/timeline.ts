import type { NexusEvent } from "../../events/event.ts";
import { errorText } from "./event-line.ts";
import { fields, recordOf, shown } from "./fields.ts";
import { paint } from "./output.ts";
import { pad, plain } from "./safe-text.ts";
import { duration } from "./time.ts";

const BAR_CELLS = 20;
/** More finished steps than that are counted, not named. */
const MOST_NAMES = 8;
const LENGTH_COLUMNS = 12;

/** A row of the timeline: when it began, whose it is, and what happened. */
interface Row {
  readonly at: number;
  readonly name: string;
  text: string;
}

interface Step {
  row: Row;
  /** What came of the tries before this one. */
  readonly tries: string[];
}

/**
 * What happened in a run, a line each, from the run's events.
 *
 * @param bars whether a step's share of the time is drawn.
 */
export function timeline(events: readonly NexusEvent[], bars: boolean): string[] {
  const rows: Row[] = [];
  const steps = new Map<string, Step>();
  const total = (events.at(-1)?.timestamp ?? 0) - (events[0]?.timestamp ?? 0);
  const add = (event: NexusEvent, name: string, text = ""): Row => {
    const row = { at: event.timestamp, name, text };
    rows.push(row);
    return row;
  };
  events.forEach((event, i) => {
    const data = recordOf(event.data);
    const name = shown(data.step);
    switch (event.type) {
      case "workflow.progress":
        return;
      case "workflow.resumed":
        add(event, gapText(event, events.slice(0, i), steps));
        return;
      case "step.started": {
        const before = steps.get(name);
        if (before !== undefined) rows.splice(rows.indexOf(before.row), 1);
        steps.set(name, { row: add(event, name, "…"), tries: before?.tries ?? [] });
        return;
      }
      case "step.retrying":
        steps.get(name)?.tries.push(`try ${String(data.attempt)}: ${codeOf(data.error)}`);
        return;
      case "step.completed":
      case "step.failed": {
        const step = steps.get(name) ?? { row: add(event, name), tries: [] };
        step.row.text = endText(data, step.tries, total, bars);
        return;
      }
      default:
        if (event.type.startsWith("workflow.")) add(event, event.type.slice("workflow.".length), endOf(event));
        else add(event, "", `${paint("yellow", "!", process.stdout)} ${plain(event.type)}  ${fields(event.data)}`.trimEnd());
    }
  });
  return linesOf(rows, [...steps.keys()], events[0]?.timestamp ?? 0);
}

function linesOf(rows: readonly Row[], steps: readonly string[], start: number): string[] {
  const width = Math.max("started".length, ...steps.map((name) => name.length)) + 2;
  return rows.map(({ at, name, text }) => {
    const [length = "", unit = ""] = duration(at - start, 2).split(/ (.*)/);
    const when = unit.length > 2 ? `${length} ${unit}`.padStart(10) : `${length.padStart(7)} ${unit.padEnd(2)}`;
    return `${when}  ${pad(name, width)}${text}`.trimEnd();
  });
}

function endText(data: Readonly<Record<string, unknown>>, tries: readonly string[], total: number, bars: boolean): string {
  const ms = typeof data.durationMs === "number" ? data.durationMs : 0;
  const cells = Math.max(1, Math.min(BAR_CELLS, Math.round((ms / Math.max(total, 1)) * BAR_CELLS)));
  const length = `${bars ? `${"▇".repeat(cells)} ` : ""}${duration(ms)}`;
  const failed = data.error === undefined ? [] : [`${paint("red", "✖", process.stdout)} ${errorText(data.error)}`];
  const attempts = tries.length === 0 ? [] : [`try ${String(data.attempt)}; ${tries.join("; ")}`];
  return [pad(length, LENGTH_COLUMNS - 2), ...failed, ...attempts].join("  ").trimEnd();
}

function endOf({ type, data }: NexusEvent): string {
  const { error, reason } = recordOf(data);
  if (type === "workflow.failed") return `  ${errorText(error)}`;
  return type === "workflow.cancelled" && typeof reason === "string" ? `  ${plain(reason)}` : "";
}

function gapText(event: NexusEvent, earlier: readonly NexusEvent[], steps: ReadonlyMap<string, Step>): string {
  // A sleep that was over before the run was taken up is recorded by the new process, too.
  const before = earlier.findLast(({ source }) => source !== event.source);
  const later = before === undefined ? "" : ` ${duration(event.timestamp - before.timestamp)} later`;
  const done = [...steps].filter(([, step]) => step.row.text !== "…").map(([name]) => name);
  const names = done.length > MOST_NAMES ? `${done.length} finished steps` : done.join(", ");
  const kept = done.length === 0 ? "" : `, ${names} ${done.length === 1 ? "was" : "were"} not done again`;
  return `── server stopped; taken up again${later}${kept} ──`;
}

function codeOf(error: unknown): string {
  const { code } = recordOf(error);
  return typeof code === "string" ? plain(code) : errorText(error);
}
