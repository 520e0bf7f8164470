import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import Database from "better-sqlite3";

const PAGE_BYTES = 8192;

/** Changes what stands in a file that nobody has open, past everything that would keep it right. */
export function change(file: string, sql: string): void {
  const db = new Database(file);
  db.exec(sql);
  db.close();
}

export function lookUp<T>(file: string, sql: string): T {
  const db = new Database(file, { readonly: true });
  const found = db.prepare<[], T>(sql).pluck().get() as T;
  db.close();
  return found;
}

/** Overwrites a page, as a disk does that forgets. @param number from 1. */
export function overwritePage(file: string, number: number): void {
  overwrite(file, (number - 1) * PAGE_BYTES, Buffer.alloc(PAGE_BYTES, 0xa5));
}

/** In a process of its own: in one that has the file open, the system would forget its locks. */
export function overwrite(file: string, at: number, bytes: Buffer): void {
  execFileSync("dd", [`of=${file}`, "conv=notrunc", "oflag=seek_bytes", `seek=${at}`, "status=none"], { input: bytes });
}

export function pagesOf(file: string): number {
  return Math.floor(statSync(file).size / PAGE_BYTES);
}

/** Where these bytes stand for the first time in a file that nobody has open. */
export function placeOf(file: string, text: string): number {
  return readFileSync(file).indexOf(text);
}
