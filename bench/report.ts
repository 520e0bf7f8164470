import { type Spread, shown } from "./numbers.ts";
import type { Keeps, Measure, Result } from "./part.ts";

/** A part as a table: a line for each measure and peer. */
export function tableOf(result: Result): string {
  const rows = linesOf(result).map(({ measure, ours, theirs, peer, ratio, bar }, i, all) => [
    measure === all[i - 1]?.measure ? "" : measure,
    ours,
    theirs,
    peer,
    ratio,
    bar,
  ]);
  return `\n${result.title}\n${columns([["", result.contestants[0]?.name ?? "", "peer", "", "ratio", "bar"], ...rows])}`;
}

/** All parts as a table for docs. */
export function markdownOf(results: readonly Result[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|").trim()).join(" | ")} |`;
  return results
    .map((result) => {
      const lines = linesOf(result).map(({ measure, ours, theirs, peer, ratio, bar }) => row([measure, ours, theirs, peer, ratio, bar]));
      const header = row(["what", result.contestants[0]?.name ?? "", "peer", "which", "ratio", "bar"]);
      return `**${result.title}**\n\n${header}\n|---|---|---|---|---|---|\n${lines.join("\n")}\n`;
    })
    .join("\n");
}

interface Line {
  readonly measure: string;
  readonly ours: string;
  readonly theirs: string;
  readonly peer: string;
  readonly ratio: string;
  readonly bar: string;
}

function linesOf({ measures, contestants }: Result): readonly Line[] {
  const [ours, ...peers] = contestants;
  return measures.flatMap((measure) => {
    const own = ours?.spreads[measure.key];
    if (ours === undefined || own === undefined) return [];
    return peers.flatMap(({ name, keeps, spreads: { [measure.key]: theirs } }) => {
      if (theirs === undefined) return [];
      const ratio = ratioOf(measure, own, theirs);
      return [
        {
          measure: measure.title,
          ours: cell(own, ours.keeps),
          theirs: cell(theirs, keeps),
          peer: name,
          ratio: Number.isFinite(ratio) ? `${ratio.toFixed(2)} ×` : "–",
          bar: barOf(measure, own, ratio, name),
        },
      ];
    });
  });
}

function cell({ median, lowest, highest }: Spread, keeps: Keeps): string {
  return `${shown(median)} (${shown(lowest)}–${shown(highest)}) ${keeps}`;
}

/** Above 1 is in our favour, whether more or less is better. */
function ratioOf({ better }: Measure, ours: Spread, theirs: Spread): number {
  return better === "more" ? ours.median / theirs.median : theirs.median / ours.median;
}

/** What was wanted, and whether it is so. */
function barOf({ bars, atMost }: Measure, ours: Spread, ratio: number, peer: string): string {
  const said: string[] = [];
  const least = bars?.[peer];
  if (least !== undefined) said.push(`${ratio.toFixed(2)} of ${least} — ${ratio >= least ? "met" : "not met"}`);
  if (atMost !== undefined) said.push(`${shown(ours.median)}, at most ${atMost} — ${ours.median <= atMost ? "met" : "not met"}`);
  return said.join("; ");
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length)));
  return rows.map((row) => `  ${row.map((text, i) => text.padEnd(widths[i] ?? 0)).join("   ")}`.trimEnd()).join("\n");
}
