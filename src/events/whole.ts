import { NexusError } from "../errors.ts";

/** @throws OPTION_INVALID for an option that is given and is no whole number from `least` to `most`. */
export function checkWhole(option: string, value: number | undefined, least: number, most: number = Number.POSITIVE_INFINITY): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  // What is no number at all may have no text.
  const given = typeof value === "number" ? String(value) : "it";
  const to = most === Number.POSITIVE_INFINITY ? "" : ` to ${most}`;
  throw new NexusError("OPTION_INVALID", { option, reason: `${given} is not a whole number from ${least}${to}` });
}

/** A hundred years, in milliseconds: what is farther away than that is a slip, and may have no date. */
export const CENTURY_MS: number = 36_525 * 86_400_000;
