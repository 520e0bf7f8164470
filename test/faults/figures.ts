import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a storm did, and what the checker found. */
export interface Figures {
  /** Processes ended by kill -9, and gone on from. */
  kills: number;
  /** Connections cut, halved or held up by the proxy. */
  cuts: number;
  /** Times that the disk had no room, or answered with an error, and then did again. */
  disk: number;
  /** Connections that were opened and left. */
  sockets: number;
  /** Events compared with the log, once for each who saw them. */
  events: number;
  readers: number;
  losses: number;
  /** Seen twice where once is promised. */
  duplicates: number;
  /** Seen again where "at least once" is promised, and the first time was not acknowledged. */
  repeats: number;
}

/** What else was measured, by name and unit. */
export type Measures = Readonly<Record<string, number>>;

interface Kept {
  readonly storm: string;
  readonly at: number;
  readonly figures: Figures;
  readonly measures: Measures;
}

const FOLDER = "reports/faults";
const TITLES: Readonly<Record<keyof Figures, string>> = {
  kills: "kills survived",
  cuts: "connections cut",
  disk: "disk failures",
  sockets: "sockets abandoned",
  events: "events checked",
  readers: "readers checked",
  losses: "losses",
  duplicates: "duplicates",
  repeats: "repeats where allowed",
};

export function noFigures(): Figures {
  return { kills: 0, cuts: 0, disk: 0, sockets: 0, events: 0, readers: 0, losses: 0, duplicates: 0, repeats: 0 };
}

/** Keeps a storm's figures for the table at the end of the run. */
export function keepFigures(storm: string, figures: Figures, measures: Measures): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(
    join(FOLDER, `${storm.replaceAll(" ", "-")}.json`),
    JSON.stringify({ storm, at: Date.now(), figures, measures } satisfies Kept),
  );
}

export function forgetFigures(): void {
  rmSync(FOLDER, { recursive: true, force: true });
}

/** All that was kept, as one table with a row for each storm and one for their sum. */
export function figuresTable(): string {
  mkdirSync(FOLDER, { recursive: true });
  const kept = readdirSync(FOLDER)
    .map((file) => JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as Kept)
    .sort((one, other) => one.at - other.at);
  const names = Object.keys(TITLES) as (keyof Figures)[];
  const sum = noFigures();
  for (const { figures } of kept) for (const name of names) sum[name] += figures[name];
  const rows = [...kept, { storm: "all", figures: sum }].map(({ storm, figures }) => [
    storm,
    ...names.map((name) => figures[name].toLocaleString("en")),
  ]);
  const lines = [["storm", ...names.map((name) => TITLES[name])], ...rows];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const padded = (line: readonly string[]): string =>
    line.map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0))).join("  ");
  const measured = kept.flatMap(({ storm, measures }) =>
    Object.entries(measures).map(([name, value]) => `${storm}: ${name} ${Number(value.toPrecision(3)).toLocaleString("en")}`),
  );
  return [...lines.map(padded), "", ...measured].join("\n");
}
