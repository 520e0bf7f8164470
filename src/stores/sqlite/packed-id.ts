/** Where the two digits of each of a UUID's 16 bytes begin in its text. */
const AT = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const DASHES = [8, 13, 18, 23];
const DASH = 45;

/** The value of each lower-case hexadecimal digit by its character; 255 for any other. */
const DIGITS = new Uint8Array(128).fill(255);
for (let value = 0; value < 16; value++) DIGITS[value.toString(16).charCodeAt(0)] = value;

/**
 * An id as it is stored: 16 bytes for a UUID in lower case, which keeps the only index of the events small; any other id is text.
 * To SQLite a blob never equals a text, so no id can be taken for another.
 */
export function packId(id: string): Buffer | string {
  if (id.length !== 36) return id;
  for (const at of DASHES) if (id.charCodeAt(at) !== DASH) return id;
  const bytes = Buffer.allocUnsafe(16);
  for (let i = 0; i < 16; i++) {
    const at = AT[i] as number;
    // Each id of each event comes through here, and this is five times as fast as a regular expression and Buffer's own reading.
    const high = DIGITS[id.charCodeAt(at)] ?? 255;
    const low = DIGITS[id.charCodeAt(at + 1)] ?? 255;
    if (high === 255 || low === 255) return id;
    bytes[i] = high * 16 + low;
  }
  return bytes;
}

export function unpackId(stored: Buffer | string): string {
  return typeof stored === "string" ? stored : withDashes(stored.toString("hex"));
}

/** A stored id as SQL gives it in one text, for `idIn`: a Buffer for each costs more than all the rest of its row. */
export const ID_AS_TEXT = "iif(typeof(id) = 'blob', 'u' || lower(hex(id)), 't' || id)";

export function idIn(text: string): string {
  const stored = text.slice(1);
  return text.startsWith("u") ? withDashes(stored) : stored;
}

function withDashes(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
