import { NexusError } from "../../errors.ts";

/** What SQLite says, as an error of ours; an error of ours as it is. */
export function asStoreError(error: unknown): NexusError {
  if (NexusError.is(error)) return error;
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  // A mistake of our own gets no better by being tried again.
  if (code === undefined) return new NexusError("INTERNAL", {}, { cause: error });
  return new NexusError(
    "STORE_UNAVAILABLE",
    { store: "sqlite" },
    { cause: error, detail: `The store did not answer: ${message} (${code})` },
  );
}

/** A file that cannot be used, and what to do. */
export function unusable(file: string, why: string, cause?: unknown): NexusError {
  return new NexusError("STORE_UNAVAILABLE", { store: "sqlite" }, { cause, detail: `${file} ${why}` });
}
