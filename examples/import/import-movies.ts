import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { defineWorkflow } from "nexus-event-system";
import { z } from "zod";
import { DataProcessed, RowRejected } from "./events.ts";
import { clean, type Movie, type Repair, readMovies } from "./movies.ts";

/** At most so many rejected rows become events of their own; all of them are counted. */
const REPORTED = 25;

const inputs = z.object({
  limit: z.int().min(1).optional().describe("Only the first rows of the file"),
  batch: z.int().min(1).max(1_000).default(200).describe("Rows in a step"),
  pauseMs: z.int().min(0).max(10_000).default(450).describe("Stands for a slow target: how long a step takes at least"),
  maxRejected: z.int().min(0).default(100).describe("The import fails when more rows than this are bad"),
});

/**
 * Reads 3,201 films, puts right what can be, and writes the clean ones to `.nexus/import/<run>/movies.ndjson`.
 *
 * A step that has finished never runs again: what it returned is in the log. Everything else in here runs again from the top when
 * the process died and the run is taken up. So the rule is: what changes the world stands in a step, and is safe to do twice, because
 * the process may also die after the work and before its record.
 */
export const importMovies = defineWorkflow(
  "import-movies",
  { description: "Import a dirty file of 3,201 films: check, clean, write, sum up", tags: ["example", "import"], inputs },
  async ({ limit, batch, pauseMs, maxRejected }, ctx) => {
    // The clock is read in a step: after a crash it still says when the run began, not when it was taken up.
    const startedAt = await ctx.step("start", () => Date.now());
    // Reading changes nothing, so it is no step: it is simply done again. Nor would a log be the place for a file of 1.4 MB.
    const rows = (await readMovies()).slice(0, limit);
    const folder = join(".nexus", "import", ctx.runId);

    const rejected: Rejected[] = [];
    const parts: string[] = [];
    const repaired: Partial<Record<Repair, number>> = {};
    for (let from = 0; from < rows.length; from += batch) {
      const part = join(folder, `part-${String(parts.length + 1).padStart(3, "0")}.ndjson`);
      const done = await ctx.step(`rows-${from + 1}`, async ({ signal }) => {
        await pause(pauseMs, undefined, { signal });
        return importRows(rows.slice(from, from + batch), from + 2, part);
      });
      parts.push(part);
      for (const [repair, count] of Object.entries(done.repaired)) repaired[repair as Repair] = (repaired[repair as Repair] ?? 0) + count;

      for (const row of done.rejected) {
        // Recorded once, however often this line runs: a run knows the events that it has emitted before.
        if (rejected.push(row) <= REPORTED) await ctx.emitEvent(RowRejected, row);
      }
      if (rejected.length > maxRejected) throw new Error(`${rejected.length} rows are bad, ${maxRejected} are allowed`);
      const read = Math.min(from + batch, rows.length);
      ctx.progress((100 * read) / rows.length, `row ${read} of ${rows.length}`);
    }

    const file = join(folder, "movies.ndjson");
    const summary = await ctx.step("summary", () => sumUp(parts, file));
    const durationMs = (await ctx.step("end", () => Date.now())) - startedAt;

    const errors = rejected.slice(0, REPORTED).map((row) => `line ${row.line}: ${row.reason}`);
    await ctx.emitEvent(DataProcessed, { records_processed: rows.length, duration: durationMs / 1000, errors });
    return { file, rows: rows.length, ...summary, repaired, rejected: rejected.length, rejectedReported: errors.length };
  },
);

interface Rejected {
  readonly line: number;
  readonly reason: string;
}

/** One batch. Its part of the result is written whole or not at all, so that to write it twice changes nothing. */
async function importRows(rows: readonly unknown[], firstLine: number, part: string) {
  const movies: Movie[] = [];
  const rejected: Rejected[] = [];
  const repaired: Partial<Record<Repair, number>> = {};
  for (const [n, row] of rows.entries()) {
    const cleaned = clean(row);
    if ("rejected" in cleaned) {
      rejected.push({ line: firstLine + n, reason: cleaned.rejected });
      continue;
    }
    movies.push(cleaned.movie);
    for (const repair of cleaned.repairs) repaired[repair] = (repaired[repair] ?? 0) + 1;
  }
  await write(part, movies.map((movie) => `${JSON.stringify(movie)}\n`).join(""));
  return { rejected, repaired };
}

/** Joins the parts, and says what is in them. */
async function sumUp(parts: readonly string[], file: string) {
  const text = (await Promise.all(parts.map((part) => readFile(part, "utf8")))).join("");
  await write(file, text);
  const movies = text
    .split("\n")
    .filter(Boolean)
    .map((line): Movie => JSON.parse(line));

  const films = new Map<string, number>();
  for (const { genre } of movies) films.set(genre ?? "unknown", (films.get(genre ?? "unknown") ?? 0) + 1);
  const genres = [...films].sort(([, a], [, b]) => b - a).slice(0, 5);
  const [oldest] = movies.map((movie) => movie.released).sort();
  const best = movies.reduce((a, b) => (timesOver(b) > timesOver(a) ? b : a));
  return {
    imported: movies.length,
    genres: Object.fromEntries(genres),
    oldest: oldest ?? null,
    bestReturn: { title: best.title, timesItsBudget: Math.round(timesOver(best)) },
  };
}

function timesOver(movie: Movie): number {
  return (movie.grossWorldwide ?? 0) / movie.budget;
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}
