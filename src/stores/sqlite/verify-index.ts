import type { Database } from "better-sqlite3";
import { decodeBlock } from "./block.ts";
import { isDamage } from "./failures.ts";
import type { FaultSink } from "./faults.ts";
import { groupOf, IndexDigest } from "./index-digest.ts";
import { spokenKey } from "./posting-keys.ts";
import { type Numbers, verifyLog } from "./verify-log.ts";

interface BlockRow {
  readonly key: string;
  readonly last: number;
  readonly block: Buffer;
}

/**
 * Whether the index in the file says what the log says: each event is found under everything it is to be found by, and nothing else is.
 *
 * @param wanted of what the log has, up to the event that the index reaches to.
 * @returns under how many keys there is something.
 */
export function verifyIndex(db: Database, numbers: Numbers, wanted: IndexDigest, faults: FaultSink): number {
  const found = new IndexDigest();
  let keys = 0;
  let before: BlockRow | undefined;
  for (const row of blocksIn(db, faults)) {
    // Of those that are being written; or were, by a process that ended, and are written again.
    if (row.last > numbers.indexed) {
      if (readBlock(row, numbers.indexed) === undefined) faults.add("index", `a block of ${spokenKey(row.key)} is not one`);
      continue;
    }
    if (row.key !== before?.key) keys += 1;
    const sequences = readBlock(row, before?.key === row.key ? before.last : 0);
    if (sequences === undefined) faults.add("index", `a block of ${spokenKey(row.key)} is not one`);
    for (const sequence of sequences ?? []) if (sequence > numbers.floor) found.add(row.key, sequence);
    before = row;
  }
  const groups = wanted.differences(found);
  if (groups.size > 0) name(db, numbers, groups, faults);
  return keys;
}

/** Looks again where something differs, at each key alone. */
function name(db: Database, numbers: Numbers, groups: ReadonlySet<number>, faults: FaultSink): void {
  const missing = new Map<string, Set<number>>();
  // What is wrong beside that was said the first time.
  const said: FaultSink = { add: () => {} };
  verifyLog(db, numbers, said, (sequence, keys) => {
    if (sequence > numbers.indexed) return;
    for (const key of keys) {
      if (!groups.has(groupOf(key))) continue;
      const set = missing.get(key);
      if (set === undefined) missing.set(key, new Set([sequence]));
      else set.add(sequence);
    }
  });
  const strange = new Map<string, number[]>();
  for (const row of blocksIn(db, said)) {
    if (row.last > numbers.indexed || !groups.has(groupOf(row.key))) continue;
    for (const sequence of readBlock(row, 0) ?? []) {
      if (sequence <= numbers.floor || missing.get(row.key)?.delete(sequence) === true) continue;
      const list = strange.get(row.key);
      if (list === undefined) strange.set(row.key, [sequence]);
      else list.push(sequence);
    }
  }
  for (const [key, sequences] of missing)
    if (sequences.size > 0) faults.add("index", `${spokenKey(key)} does not lead to ${theEvents([...sequences])}`);
  for (const [key, sequences] of strange) faults.add("index", `${spokenKey(key)} leads to ${theEvents(sequences)}, which it must not`);
}

function theEvents([first, ...more]: readonly number[]): string {
  return more.length === 0 ? `event ${first}` : `event ${first} and ${more.length} more`;
}

function* blocksIn(db: Database, faults: FaultSink): Generator<BlockRow, void> {
  try {
    yield* db.prepare<[], BlockRow>("SELECT key, last, block FROM postings ORDER BY key, last").iterate();
  } catch (error) {
    if (!isDamage(error)) throw error;
    faults.add("index", `cannot be read: ${(error as Error).message}`);
  }
}

/** The sequences in a block; `undefined` when they do not ascend, or reach back into the block before. */
function readBlock({ last, block }: BlockRow, after: number): readonly number[] | undefined {
  const whole = Buffer.isBuffer(block) && (block.length === 0 || (block.at(-1) as number) < 128);
  if (!whole) return undefined;
  const sequences = decodeBlock(last, block);
  let before = after;
  for (const sequence of sequences) {
    if (sequence <= before) return undefined;
    before = sequence;
  }
  return sequences;
}
