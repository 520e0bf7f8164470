const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * An id as it is stored: 16 bytes for a UUID in its canonical form, which keeps the only index of the events small; any other id is text.
 * To SQLite a blob never equals a text, so no id can be taken for another.
 */
export function packId(id: string): Buffer | string {
  if (id.length !== 36 || !UUID.test(id)) return id;
  const bytes = Buffer.allocUnsafe(16);
  bytes.write(id.slice(0, 8), 0, "hex");
  bytes.write(id.slice(9, 13), 4, "hex");
  bytes.write(id.slice(14, 18), 6, "hex");
  bytes.write(id.slice(19, 23), 8, "hex");
  bytes.write(id.slice(24), 10, "hex");
  return bytes;
}

export function unpackId(stored: Buffer | string): string {
  if (typeof stored === "string") return stored;
  const hex = stored.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
