import { jsonLine, plain } from "./safe-text.ts";
import { type Field, spokenType } from "./schema.ts";
import { table } from "./table.ts";

/** The fields of a schema for people, one a line: name, type, whether it is needed, what it is. @param none said when there are none. */
export function fieldLines(fields: readonly Field[], none: string): string[] {
  return fields.length === 0 ? [`  ${none}`] : table(fields.map(fieldRow)).map((line) => `  ${line}`);
}

/** Names of the fields in one line; what may be left out has a question mark. */
export function fieldNames(fields: readonly Field[]): string {
  return fields.map((field) => plain(field.name) + (isOptional(field) ? "?" : "")).join(", ");
}

/** The fields that cannot be left out, as arguments to fill in. @param option that they stand behind. */
export function neededArguments(fields: readonly Field[], option: string): string[] {
  return fields.filter((field) => !isOptional(field)).map((field) => `${option} ${plain(field.name)}=…`);
}

function fieldRow(field: Field): string[] {
  const needed = field.default !== undefined ? `default ${jsonLine(field.default)}` : field.required ? "required" : "optional";
  return [plain(field.name), plain(spokenType(field)), needed, plain(field.description ?? "")];
}

function isOptional(field: Field): boolean {
  return !field.required || field.default !== undefined;
}
