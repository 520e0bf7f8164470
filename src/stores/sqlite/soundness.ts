import { statSync } from "node:fs";
import type { Database } from "better-sqlite3";
import type { Fault } from "../../errors.ts";
import { damaged, isDamage } from "./failures.ts";

/** A file of so many bytes is looked at whole whenever it is opened, which takes a fifth of a second or so. Of a larger one, the state and the numbers are. */
const WHOLE_BYTES = 256 * 1024 * 1024;
const SMALL_TABLES = ["state", "meta"];
const MOST_FAULTS = 100;

/** @throws STORE_DAMAGED for a file that must not be served. */
export function checkSound(db: Database, file: string): void {
  const checks =
    statSync(file).size <= WHOLE_BYTES ? [`quick_check(${MOST_FAULTS})`] : SMALL_TABLES.map((table) => `quick_check('${table}')`);
  const faults = checks.flatMap((check) => pageFaults(db, check));
  if (faults.length === 0) faults.push(...numberFaults(db));
  if (faults.length > 0) throw damaged(file, faults.slice(0, 10));
}

/** What SQLite finds wrong with the pages of a file. @param check a pragma that looks, and changes nothing. */
export function pageFaults(db: Database, check: string): Fault[] {
  const roots = new Map<string, string>();
  const lines: string[] = [];
  try {
    for (const { name, rootpage } of db.prepare<[], Root>("SELECT name, rootpage FROM sqlite_schema").iterate())
      roots.set(String(rootpage), name);
    // One by one: it may come to a page at which it cannot go on.
    for (const text of db.prepare<[], string>(`PRAGMA ${check}`).pluck().iterate()) lines.push(...text.split("\n"));
  } catch (error) {
    if (!isDamage(error)) throw error;
    if (!lines.some((line) => line !== "ok")) lines.push((error as Error).message);
  }
  const found = lines.filter((line) => line !== "ok" && !line.startsWith("*** in database"));
  // Of what hangs below a page that cannot be read.
  const causes = found.filter((line) => !line.endsWith(": never used"));
  return (causes.length > 0 ? causes : found).map((line) => faultOf(line, roots));
}

interface Root {
  readonly name: string;
  readonly rootpage: number;
}

/** SQLite names a table by its first page. */
function faultOf(line: string, roots: ReadonlyMap<string, string>): Fault {
  const [, root, rest] = /^Tree (\d+):? (.*)$/.exec(line) ?? [];
  if (root === undefined || rest === undefined) return { path: "file", message: line };
  return { path: `table ${roots.get(root) ?? root}`, message: rest };
}

/** The few numbers that everything else rests on. */
export function numberFaults(db: Database): Fault[] {
  const meta = new Map(
    db
      .prepare<[], { readonly name: string; readonly value: unknown }>("SELECT name, value FROM meta")
      .all()
      .map(({ name, value }) => [name, value]),
  );
  const wrong = ["floor", "timestamp", "indexed", "revision"].filter((name) => !isCount(meta.get(name)));
  const faults = wrong.map((name) => ({ path: `meta ${name}`, message: "is no number" }));
  if (!/^[0-9a-z]{10}$/.test(String(meta.get("epoch")))) faults.push({ path: "meta epoch", message: "is none" });
  if (faults.length > 0) return faults;
  // Each by itself: asked for both at once, SQLite reads the whole table.
  const ends = db.prepare<[], Ends>("SELECT (SELECT min(sequence) FROM events) AS first, (SELECT max(sequence) FROM events) AS last");
  const { first, last } = ends.get() as Ends;
  const [floor, indexed] = [meta.get("floor") as number, meta.get("indexed") as number];
  if (first !== null && first !== floor + 1)
    faults.push({ path: `event ${floor + 1}`, message: `is missing: the log begins with event ${first}` });
  if (indexed > (last ?? floor))
    faults.push({ path: "index", message: `reaches to event ${indexed}, and the log ends with event ${last ?? floor}` });
  return faults;
}

interface Ends {
  readonly first: number | null;
  readonly last: number | null;
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0;
}
