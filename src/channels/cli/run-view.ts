import type { NexusEvent } from "../../events/event.ts";
import { errorText } from "./event-line.ts";
import { recordOf, sentence, shown } from "./fields.ts";
import { paint, type StatusLine } from "./output.ts";
import { shortId } from "./run-id.ts";
import { pad, plain } from "./safe-text.ts";
import { duration } from "./time.ts";

const BAR_CELLS = 20;

/** Shows a run while it goes on, from its events. */
export interface RunView {
  event(event: NexusEvent): void;
}

/** Steps tick off and notifications pass by, above a progress bar; in a pipe every tenth of the way is a line. */
export function runView(workflow: string, runId: string, status: StatusLine): RunView {
  const running = new Set<string>();
  let percentage: number | undefined;
  let label: string | undefined;
  let told = -1;
  let width = 6;

  const redraw = (): void => {
    const bar = percentage === undefined ? [] : [`${barOf(percentage)}  ${Math.round(percentage)} %`];
    const doing = label ?? [...running].join(", ");
    const parts = [...bar, ...(doing === "" ? [] : [percentage === undefined ? `… ${doing}` : doing])];
    status.set(parts.length === 0 ? "" : `  ${parts.join("  ")}`);
  };
  const step = (mark: string, name: string, rest: string): void => {
    width = Math.max(width, name.length);
    status.say(`  ${mark} ${pad(name, width)}  ${rest}`.trimEnd());
  };
  const progress = (data: Readonly<Record<string, unknown>>): void => {
    percentage = Number(data.percentage);
    label = typeof data.step === "string" ? plain(data.step) : undefined;
    const tenth = Math.floor(percentage / 10);
    if (!status.live && tenth > told) status.say(`  ${Math.round(percentage)} %${label === undefined ? "" : `  ${label}`}`);
    told = Math.max(told, tenth);
  };

  status.say(`${paint("bold", plain(workflow))}  run ${shortId(runId)}`);
  return {
    event: (event) => {
      const data = recordOf(event.data);
      const name = shown(data.step);
      const took = typeof data.durationMs === "number" ? duration(data.durationMs) : "";
      if (event.runId !== runId) return notify(event, status);
      switch (event.type) {
        case "workflow.queued":
          status.say("  waiting for its turn");
          break;
        case "workflow.resumed":
          running.clear();
          status.say("  ── server stopped; taken up again ──");
          break;
        case "workflow.progress":
          progress(data);
          break;
        case "step.started":
          running.add(name);
          break;
        case "step.completed":
          running.delete(name);
          step(paint("green", "✔"), name, took);
          break;
        case "step.retrying":
          step(
            paint("yellow", "↻"),
            name,
            `try ${String(data.attempt)}: ${errorText(data.error)}; again in ${duration(Number(data.delayMs))}`,
          );
          break;
        case "step.failed":
          running.delete(name);
          step(paint("red", "✖"), name, errorText(data.error));
          break;
        default:
          if (!event.type.startsWith("workflow.")) notify(event, status);
      }
      redraw();
    },
  };
}

function notify(event: NexusEvent, status: StatusLine): void {
  status.say(`  ${paint("yellow", "!")} ${paint("bold", plain(event.type))}  ${sentence(event.data)}`.trimEnd());
}

function barOf(percentage: number): string {
  const full = Math.min(BAR_CELLS, Math.floor((percentage / 100) * BAR_CELLS));
  return "█".repeat(full) + "░".repeat(BAR_CELLS - full);
}
