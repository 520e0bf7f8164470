/** How many there are, for people: `1 event`, `12,042 events`. */
export function count(n: number, what: string, several: string = `${what}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? what : several}`;
}

/** A size for people: `812 bytes`, `48.2 MB`. */
export function size(bytes: number): string {
  if (bytes < 1_000) return count(bytes, "byte");
  const units = ["kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes / 1_000, 0];
  for (; value >= 999.95 && unit < units.length - 1; unit++) value /= 1_000;
  return `${value.toFixed(value < 100 ? 1 : 0)} ${units[unit]}`;
}
