import { readFileSync } from "node:fs";
import { join } from "node:path";

const page = readFileSync(join(import.meta.dirname, "../../docs/sql.md"), "utf8");

/** The table as docs/sql.md has it. */
export function ddl(dialect: "sqlite" | "postgres"): string {
  const statements = [...page.matchAll(/```sql\n(CREATE TABLE.*?)```/gs)].map((match) => match[1] as string);
  return statements[dialect === "sqlite" ? 0 : 1] as string;
}
