import { type Fault, NexusError } from "../../errors.ts";

const DAMAGE = /^SQLITE_(?:CORRUPT|NOTADB)/;

/** What goes wrong with an open file, as errors of ours. Once it was found damaged it is neither read nor written any more. */
export class Failures {
  readonly #file: string;
  readonly #found: (damage: NexusError<"STORE_DAMAGED">) => void;
  #damage: NexusError<"STORE_DAMAGED"> | undefined;

  /** @param found hears of damage, once. */
  constructor(file: string, found: (damage: NexusError<"STORE_DAMAGED">) => void) {
    this.#file = file;
    this.#found = found;
  }

  /** What is answered to every call since the file was found damaged. */
  get damage(): NexusError<"STORE_DAMAGED"> | undefined {
    return this.#damage;
  }

  /** What SQLite says, as an error of ours; an error of ours as it is. */
  of(error: unknown): NexusError {
    const failure = asStoreError(error);
    if (!NexusError.is(failure, "STORE_DAMAGED")) return failure;
    if (this.#damage === undefined) {
      // Callers are told no path of this machine; the cause is for the log.
      const where = new Error(`${this.#file}: ${failure.message}`, { cause: error });
      this.#damage = new NexusError("STORE_DAMAGED", { store: "sqlite" }, { cause: where });
      this.#found(this.#damage);
    }
    return this.#damage;
  }
}

/** What SQLite says, as an error of ours; an error of ours as it is. */
export function asStoreError(error: unknown): NexusError {
  if (NexusError.is(error)) return error;
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  // A mistake of our own gets no better by being tried again.
  if (code === undefined) return new NexusError("INTERNAL", {}, { cause: error });
  const says = `${message} (${code})`;
  if (isDamage(error)) return new NexusError("STORE_DAMAGED", { store: "sqlite" }, { cause: error, detail: says });
  return new NexusError("STORE_UNAVAILABLE", { store: "sqlite" }, { cause: error, detail: `The store did not answer: ${says}` });
}

/** Whether SQLite cannot make sense of what is in the file. */
export function isDamage(error: unknown): boolean {
  return DAMAGE.test(String((error as { readonly code?: unknown }).code));
}

/** A file that was looked at, and is damaged. */
export function damaged(file: string, faults: readonly Fault[], cause?: unknown): NexusError<"STORE_DAMAGED"> {
  const told = faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
  return new NexusError("STORE_DAMAGED", { store: "sqlite", file, faults }, { cause, detail: `${file} is damaged. ${told}` });
}

/** A file that is not one to do this with. @param reason follows its name. */
export function refused(file: string, reason: string): NexusError<"OPTION_INVALID"> {
  return new NexusError("OPTION_INVALID", { option: file, reason }, { detail: `${file} ${reason}` });
}

/** What is found where something else was written. */
export function unreadable(where: string, cause: unknown): NexusError<"STORE_DAMAGED"> {
  return new NexusError("STORE_DAMAGED", { store: "sqlite" }, { cause, detail: `${where} cannot be read` });
}
