import { randomBytes } from "node:crypto";
import Database from "better-sqlite3";

/** The table that our store keeps events in, but for its index of ids, written to by hand: no promises, no checks, no readers. What is left is SQLite and the disk. */
export class Table implements Disposable {
  readonly #db: Database.Database;
  readonly #insert: Database.Statement<[number, number, Buffer, string]>;
  readonly #begin: Database.Statement<[]>;
  readonly #commit: Database.Statement<[]>;
  #sequence = 0;

  constructor(file: string) {
    this.#db = new Database(file);
    for (const pragma of [
      "page_size = 8192",
      "journal_mode = WAL",
      "synchronous = FULL",
      "wal_autocheckpoint = 4000",
      "cache_size = -32768",
    ])
      this.#db.pragma(pragma);
    this.#db.exec("CREATE TABLE events (sequence INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, id BLOB NOT NULL, body TEXT NOT NULL)");
    this.#insert = this.#db.prepare("INSERT INTO events (sequence, timestamp, id, body) VALUES (?, ?, ?, ?)");
    [this.#begin, this.#commit] = [this.#db.prepare("BEGIN IMMEDIATE"), this.#db.prepare("COMMIT")];
  }

  /** So many rows in one commit; they are on stable storage when it returns. */
  commit(rows: number, bodyOf: (sequence: number) => object): void {
    this.#begin.run();
    const now = Date.now();
    for (let i = 0; i < rows; i++) {
      this.#sequence += 1;
      this.#insert.run(this.#sequence, now, timeOrderedId(now, this.#sequence), JSON.stringify(bodyOf(this.#sequence)));
    }
    this.#commit.run();
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

const RANDOM = randomBytes(8);

/** 16 bytes that only grow, as ours do. */
function timeOrderedId(ms: number, counter: number): Buffer {
  const id = Buffer.allocUnsafe(16);
  id.writeUIntBE(ms, 0, 6);
  id.writeUInt32BE(counter, 6);
  RANDOM.copy(id, 10, 0, 6);
  return id;
}

/** How a file stands: whether it holds as many events as were acknowledged, without a gap. @throws if not */
export function checkFile(file: string, acknowledged: number): void {
  const db = new Database(file, { readonly: true });
  try {
    const { count, last, first } = db
      .prepare("SELECT count(*) AS count, max(sequence) AS last, min(sequence) AS first FROM events")
      .get() as {
      readonly count: number;
      readonly last: number;
      readonly first: number;
    };
    if (count !== acknowledged || last - first + 1 !== count)
      throw new Error(`${file}: ${acknowledged} events were acknowledged; it holds ${count}, numbered ${first} to ${last}`);
  } finally {
    db.close();
  }
}
