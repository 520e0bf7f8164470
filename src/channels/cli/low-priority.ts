import { constants, setPriority } from "node:os";

/** This process is to have what others leave of the processor: beside it a server may be at work. */
export function standBack(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Where that is not allowed, it goes as it goes.
  }
}
