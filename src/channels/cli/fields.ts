import { cut, jsonLine, plain } from "./safe-text.ts";

const VALUE_COLUMNS = 80;
const LINE_COLUMNS = 300;

/** A value for one line: `file=orders.csv limit=5` for an object, else its JSON; what is long is cut. */
export function fields(value: unknown): string {
  if (value === undefined) return "";
  if (!isRecord(value)) return cut(jsonLine(value), VALUE_COLUMNS);
  const parts = Object.entries(value).map(([key, item]) => `${plain(key)}=${word(item)}`);
  return cut(parts.join(" "), LINE_COLUMNS);
}

/** A value as one speaks it: `line 412: 2 columns, not 3`. Its message comes last, after a colon. */
export function sentence(value: unknown): string {
  if (typeof value === "string") return cut(plain(value), LINE_COLUMNS);
  if (!isRecord(value)) return fields(value);
  const { message, reason, text, ...facts } = value;
  const said = [message, reason, text].filter((part) => typeof part === "string").map(plain);
  const known = Object.entries(facts).map(([key, item]) => `${plain(key)} ${word(item)}`);
  return cut([known.join(", "), said.join("; ")].filter((part) => part !== "").join(": "), LINE_COLUMNS);
}

/** The fields of an event's data, whatever it is. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

/** What should be text, for showing; nothing if it is not. */
export function shown(value: unknown): string {
  return typeof value === "string" ? plain(value) : "";
}

function word(value: unknown): string {
  if (typeof value !== "string") return cut(jsonLine(value), VALUE_COLUMNS);
  return cut(/^[^\s"=]+$/.test(value) ? plain(value) : JSON.stringify(plain(value)), VALUE_COLUMNS);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
