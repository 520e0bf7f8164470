const TIME = /^(\d{4}-\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;

/**
 * A time of RFC 3339 with its zone, in milliseconds since the epoch; `undefined` for what is none. Seconds may be left out. There are no leap seconds.
 *
 * @param options.whole seconds may not be left out.
 */
export function timeOf(text: string, options?: { readonly whole?: boolean }): number | undefined {
  const [, month = "", day, hour = "", minute = "", second, fraction = "", zone = ""] = TIME.exec(text) ?? [];
  if (day === undefined || Number(hour) > 23 || (second === undefined && options?.whole === true)) return undefined;
  // Of itself Date.parse takes 30 February for 2 March, and misreads fractions of more than nine digits.
  if (new Date(`${month}-${day}T00:00Z`).getUTCDate() !== Number(day)) return undefined;
  const time = Date.parse(
    `${month}-${day}T${hour}:${minute}:${second ?? "00"}.${fraction.slice(0, 3).padEnd(3, "0")}${zone.toUpperCase()}`,
  );
  return Number.isNaN(time) ? undefined : time;
}

/** The years that RFC 3339 has: no log knows another time. */
const [FIRST, LAST] = [Date.parse("0000-01-01T00:00:00Z"), Date.parse("9999-12-31T23:59:59.999Z")];

/** A time as RFC 3339 has it; one of another year is the nearest that it has. */
export function timeText(date: Date): string {
  return new Date(Math.min(Math.max(date.getTime(), FIRST), LAST)).toISOString();
}
