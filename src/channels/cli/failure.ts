import { ERRORS, exitCodeOf, type Fault, NexusError, problemOf } from "../../errors.ts";
import { paint, print, say } from "./output.ts";
import { jsonLine, pad, plain } from "./safe-text.ts";

export const DONE = 0;
export const FAILED = 1;
export const WRONG_USAGE = 2;
export const TRY_AGAIN = 75;

/** An option or argument that cannot be used. */
export function misuse(option: string, reason: string): NexusError {
  return new NexusError("OPTION_INVALID", { option, reason }, { detail: `${option}: ${reason}` });
}

/** Says what went wrong: as a problem document on standard output with `json`, else for people on standard error. @returns the exit code. */
export async function report(error: unknown, json: boolean): Promise<number> {
  if (json) await print(jsonLine(problemOf(error)));
  else if (NexusError.is(error)) for (const line of linesOf(error)) say(line);
  if (!NexusError.is(error)) say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return exitCodeOf(error);
}

function linesOf(error: NexusError): string[] {
  const { faults, similar } = error.details as { faults?: readonly Fault[]; similar?: readonly string[] };
  const [row, message] = [ERRORS[error.code], plain(error.message)];
  const { file } = error.details as { file?: string };
  const lines = [cross(faults === undefined ? message : `${row.says}${file === undefined ? "" : ` ${plain(file)}`}`)];
  if (faults !== undefined) lines.push(...faultLines(faults));
  const unsaid = (similar ?? []).map(plain).filter((name) => !message.includes(name));
  if (unsaid.length > 0) lines.push(`  did you mean ${unsaid.join(", ")}?`);
  else if ((similar ?? []).length === 0 && message !== row.todo && error.code !== "OPTION_INVALID") lines.push(`  ${row.todo}`);
  return lines;
}

/** A line that begins with a red cross. */
export function cross(text: string): string {
  return `${paint("red", "✖")} ${text}`;
}

/** One fault a line, its path first. @param beside what else there is to say of a fault. */
export function faultLines(faults: readonly Fault[], beside: (fault: Fault) => string = () => ""): string[] {
  const paths = faults.map((fault) => plain(fault.path) || "(all)");
  const width = Math.max(...paths.map((path) => path.length));
  return faults.map((fault, i) => `    ${pad(paths[i] ?? "", width)}  ${pad(plain(fault.message), 19)}${beside(fault)}`.trimEnd());
}
