import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** A film as it is imported. */
export interface Movie {
  readonly title: string;
  readonly released: string;
  readonly budget: number;
  /** In the United States and worldwide; `null` where the file says 0, which it does where nobody knew. */
  readonly grossUs: number | null;
  readonly grossWorldwide: number | null;
  readonly genre: string | null;
}

/** What was put right in a row. */
export type Repair = "character set" | "title" | "century" | "unknown gross";
export type Cleaned = { readonly movie: Movie; readonly repairs: readonly Repair[] } | { readonly rejected: string };

/**
 * The rows of `movies.json` in vega-datasets (BSD-3-Clause): 3,201 films as volunteers typed them in until 2010, kept dirty on purpose.
 *
 * @returns unchecked rows; row n stands on line n + 2 of the file.
 */
export async function readMovies(): Promise<unknown[]> {
  const file = fileURLToPath(import.meta.resolve("vega-datasets/data/movies.json"));
  return JSON.parse(await readFile(file, "utf8"));
}

const money = z.number("is missing").int().nonnegative();
const Row = z.object({
  // 1776, 2012 and 300 are films too: their titles are numbers in the file.
  Title: z.union([z.string().min(1), z.number()], "is missing").transform(String),
  "Release Date": z.string().regex(/^[A-Z][a-z]{2} \d{2} \d{4}$/, "is not a date"),
  "Production Budget": money,
  "US Gross": money,
  "Worldwide Gross": money,
  "Major Genre": z.string().nullable(),
});

/** Checks one row and puts right what can be; the same row always gives the same answer. */
export function clean(input: unknown): Cleaned {
  const parsed = Row.safeParse(input);
  if (!parsed.success) return { rejected: parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join("; ") };
  const row = parsed.data;
  const repairs = new Set<Repair>();
  const put = <T>(repair: Repair, before: T, after: T): T => {
    if (after !== before) repairs.add(repair);
    return after;
  };

  const readable = put("character set", row.Title, inRightCharacters(row.Title));
  const title = put("title", readable, articleFirst(readable.replace(/\s+/g, " ").trim()));
  const date = new Date(`${row["Release Date"]} UTC`);
  if (Number.isNaN(date.getTime())) return { rejected: "Release Date is not a date" };
  const released = put("century", date.toISOString(), inRightCentury(date).toISOString()).slice(0, 10);
  const grossUs = put("unknown gross", row["US Gross"], row["US Gross"] || null);
  const grossWorldwide = put("unknown gross", row["Worldwide Gross"], row["Worldwide Gross"] || null);

  const movie = { title, released, budget: row["Production Budget"], grossUs, grossWorldwide, genre: row["Major Genre"] };
  return { movie, repairs: [...repairs] };
}

/** "Secret, The" is sorted well and read badly. */
function articleFirst(title: string): string {
  return title.replace(/^(.+), (The|A|An)$/, "$2 $1");
}

/** Years were kept with two digits: "Gone with the Wind" says 2039. The newest film that was really announced is of 2011. */
function inRightCentury(date: Date): Date {
  const year = date.getUTCFullYear();
  return year <= 2011 ? date : new Date(Date.UTC(year - 100, date.getUTCMonth(), date.getUTCDate()));
}

const bytes = Uint8Array.from({ length: 128 }, (_, n) => 128 + n);
const asRead = new TextDecoder("macintosh").decode(bytes);
const asMeant = new TextDecoder("windows-1252").decode(bytes);

/** "LÈon" is "Léon": text in Windows-1252 that somebody once read as if a Macintosh had written it. */
function inRightCharacters(title: string): string {
  return title.replace(/\P{ASCII}/gu, (character) => asMeant[asRead.indexOf(character)] ?? character);
}
