import { Option } from "commander";
import { usualFile } from "../../stores/upkeep.ts";

/** The option of commands that work on a database file themselves, and ask no server. */
export interface FileOption {
  readonly db?: string;
}

export function fileOption(): Option {
  return new Option("--db <file>", "the database file; NEXUS_DB, else .nexus/nexus.db");
}

export function fileOf({ db }: FileOption): string {
  return db ?? usualFile();
}
