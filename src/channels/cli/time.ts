/** A length of time for people: `12 ms`, `1.9 s`, `3 min 12 s`, `2 h 5 min`. @param digits after the point of seconds. */
export function duration(ms: number, digits = 1): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 60_000 - 0.5 * 10 ** (3 - digits)) return `${(ms / 1_000).toFixed(digits)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(ms / 60_000);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The time of day here, with milliseconds: `10:14:02.113`. */
export function clock(timestamp: number): string {
  const at = new Date(timestamp);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** Date and time here: `2026-11-23 10:14:02`. */
export function dateTime(timestamp: number): string {
  const at = new Date(timestamp);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(timestamp).slice(0, 8)}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
