import type { Database, Statement } from "better-sqlite3";

/** The store's few numbers. `floor`: all up to it is forgotten; `timestamp`: that of the event at the floor; `indexed`: all up to it is in `postings`; `revision`: the last given out. */
export type MetaName = "floor" | "timestamp" | "indexed" | "revision";

export class Meta {
  readonly #get: Statement<[string], unknown>;
  readonly #set: Statement<[number, MetaName]>;

  constructor(db: Database) {
    this.#get = db.prepare<[string], unknown>("SELECT value FROM meta WHERE name = ?").pluck();
    this.#set = db.prepare("UPDATE meta SET value = ? WHERE name = ?");
  }

  epoch(): string {
    return this.#get.get("epoch") as string;
  }

  get(name: MetaName): number {
    return this.#get.get(name) as number;
  }

  set(name: MetaName, value: number): void {
    this.#set.run(value, name);
  }
}
