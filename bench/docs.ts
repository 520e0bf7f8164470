import { readFileSync, writeFileSync } from "node:fs";
import type { Result } from "./part.ts";
import { markdownOf } from "./report.ts";

const [BEGIN, END] = ["<!-- bench: begins -->", "<!-- bench: ends -->"];

/** Puts the table between its marks. @throws when the file has none */
export function writeDocs(
  file: string,
  machine: Readonly<Record<string, string>>,
  results: readonly Result[],
  skipped: readonly string[],
): void {
  const text = readFileSync(file, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${file} has no ${BEGIN} … ${END}`);
  const facts = Object.entries(machine).map(([fact, value]) => `- ${fact}: ${value}`);
  const day = new Date().toISOString().slice(0, 10);
  const table = [`Measured on ${day}.`, [...facts, ...skipped.map((what) => `- ${what}`)].join("\n"), markdownOf(results)].join("\n\n");
  writeFileSync(file, `${text.slice(0, begin)}${BEGIN}\n\n${table}\n${text.slice(end)}`);
}
