import { type Spread, shown } from "./numbers.ts";
import type { Measure, Result } from "./part.ts";

/** A part as a table: a line for each measure and peer. */
export function tableOf({ title, measures, contestants }: Result): string {
  const [ours, ...peers] = contestants;
  if (ours === undefined) return title;
  const rows = measures.flatMap((measure) => {
    const own = ours.spreads[measure.key] as Spread;
    return peers.map((peer, i) => {
      const theirs = peer.spreads[measure.key] as Spread;
      return [i === 0 ? measure.title : "", cell(own, ours.keeps), cell(theirs, peer.keeps), peer.name, ratio(measure, own, theirs)];
    });
  });
  return `\n${title}\n${columns([["", ours.name, "peer", "", "ratio"], ...rows])}`;
}

function cell({ median, lowest, highest }: Spread, keeps: string): string {
  return `${shown(median)} (${shown(lowest)}–${shown(highest)}) ${keeps}`;
}

/** Above 1 is in our favour, whether more or less is better. */
function ratio({ better }: Measure, ours: Spread, theirs: Spread): string {
  const value = better === "more" ? ours.median / theirs.median : theirs.median / ours.median;
  return Number.isFinite(value) ? `${value.toFixed(2)} ×` : "–";
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length)));
  return rows.map((row) => `  ${row.map((text, i) => text.padEnd(widths[i] ?? 0)).join("   ")}`.trimEnd()).join("\n");
}
