import { NexusError } from "../errors.ts";

/** @throws OPTION_INVALID for what is no object · OPTION_UNSUPPORTED for an option that this sink does not have. */
export function checkSinkOptions(sink: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null)
    throw new NexusError("OPTION_INVALID", { option: sink, reason: "its options are no object" });
  for (const option of Object.keys(options))
    if (!known.includes(option)) throw new NexusError("OPTION_UNSUPPORTED", { option: `${sink}.${option}` });
}

/** @throws OPTION_INVALID */
export function checkFunction(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function")
    throw new NexusError("OPTION_INVALID", { option, reason: "it is not a function" });
}
