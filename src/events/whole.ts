import { NexusError } from "../errors.ts";

/** @throws OPTION_INVALID for an option that is given and is no whole number from `least` on. */
export function checkWhole(option: string, value: number | undefined, least: number): void {
  if (value !== undefined && (!Number.isInteger(value) || value < least)) {
    throw new NexusError("OPTION_INVALID", { option, reason: `${String(value)} is not a whole number from ${least}` });
  }
}
