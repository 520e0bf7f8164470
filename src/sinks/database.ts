import { FatalError, NexusError } from "../errors.ts";

export type Value = string | number | null;

/** What a table of runs needs of a database. */
export interface Database {
  /** How the nth value of a statement, from 1, is written in it. */
  readonly placeholder: (n: number) => string;
  /**
   * Runs one statement.
   *
   * @throws FatalError when the database will never take these values · what the driver throws when it may · the signal's reason.
   */
  readonly write: (sql: string, values: readonly Value[], signal: AbortSignal) => Promise<void>;
}

/** A Database of better-sqlite3 (node:sqlite has the same). */
interface SqliteDatabase {
  prepare(sql: string): { run(...values: Value[]): unknown };
}
/** A Pool or Client of pg. */
interface PgQueryable {
  query(sql: string, values: Value[]): Promise<unknown>;
}

/** @throws OPTION_INVALID for what is neither. */
export function databaseOf(db: unknown): Database {
  const has = (method: string): boolean => typeof (db as Record<string, unknown> | null)?.[method] === "function";
  // The driver called sqlite3 has `prepare` too, but would tell of a failure only later, to nobody.
  if (has("prepare") && !has("parallelize")) return sqlite(db as SqliteDatabase);
  // mysql2 has both: it would take the call, and none of the SQL.
  if (has("query") && has("connect") && !has("execute")) return postgres(db as PgQueryable);
  throw new NexusError("OPTION_INVALID", { option: "db", reason: "it is neither a Database of better-sqlite3 nor a Pool or Client of pg" });
}

function sqlite(db: SqliteDatabase): Database {
  const prepared = new Map<string, ReturnType<SqliteDatabase["prepare"]>>();
  return {
    placeholder: () => "?",
    write: async (sql, values, signal) => {
      signal.throwIfAborted();
      try {
        const statement = prepared.get(sql) ?? db.prepare(sql);
        prepared.set(sql, statement);
        statement.run(...values);
      } catch (error) {
        throw refused(error, /^SQLITE_(?:CONSTRAINT|MISMATCH|TOOBIG|RANGE)/);
      }
    },
  };
}

function postgres(db: PgQueryable): Database {
  return {
    placeholder: (n) => `$${n}`,
    write: async (sql, values, signal) => {
      signal.throwIfAborted();
      const aborted = Promise.withResolvers<never>();
      const abort = (): void => aborted.reject(signal.reason as Error);
      signal.addEventListener("abort", abort, { once: true });
      // A statement that is under way cannot be called back. If it lands later, it changes nothing that came after it.
      const written = db.query(sql, [...values]);
      written.catch(() => {});
      try {
        await Promise.race([written, aborted.promise]);
      } catch (error) {
        // Classes of SQLSTATE: 22 data exception, 23 integrity constraint violation.
        throw signal.aborted ? error : refused(error, /^2[23]/);
      } finally {
        signal.removeEventListener("abort", abort);
      }
    },
  };
}

/** Fatal when the code is one of values that do not fit: another try has the same ones. */
function refused(error: unknown, values: RegExp): unknown {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return typeof code === "string" && values.test(code) ? new FatalError(`${code}: ${String(message)}`, { cause: error }) : error;
}
