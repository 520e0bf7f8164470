import { NexusError } from "../errors.ts";

/** @throws OPTION_INVALID for an option that is given and is no whole number from `least` on. */
export function checkWhole(option: string, value: number | undefined, least: number): void {
  if (value !== undefined && (!Number.isInteger(value) || value < least)) {
    // What is no number at all may have no text.
    const given = typeof value === "number" ? String(value) : "it";
    throw new NexusError("OPTION_INVALID", { option, reason: `${given} is not a whole number from ${least}` });
  }
}
