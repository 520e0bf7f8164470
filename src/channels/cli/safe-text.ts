import { stripVTControlCharacters } from "node:util";
import stringWidth from "string-width";

// C0, DEL and C1; marks, embeddings, overrides and isolates of the bidirectional algorithm; line and paragraph separators; the byte order mark.
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/gu;
const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;

/** Text from elsewhere as one line that a terminal only shows: nothing in it moves the cursor, changes colours or turns the direction of what follows. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replace(BREAKS, " ").replace(UNSAFE, "");
}

/** A value as one line of JSON in which whatever a terminal could obey is escaped; it reads back as the same value. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The text padded to so many columns of a terminal; colours count for nothing, wide characters for two. */
export function pad(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - stringWidth(text)));
}

/** The beginning of the text that fits into so many columns, with `…` where something is left out. */
export function cut(text: string, columns: number): string {
  // No character is wider than two columns or longer than this many units, so the rest cannot be part of the answer.
  const start = text.slice(0, columns * 16);
  if (start.length === text.length && stringWidth(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(start)) {
    width += stringWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
