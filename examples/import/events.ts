import { defineEvent } from "nexus-event-system";
import { z } from "zod";

/** A row that no cleaning could save. `line` is its line in the file. */
export const RowRejected = defineEvent("row.rejected", {
  description: "A row of the file was not imported",
  schema: z.object({ line: z.int(), reason: z.string() }),
});

// A schema is any Standard Schema (zod, as above), or this shorthand: a field and its type.
export const DataProcessed = defineEvent("DATA_PROCESSED", {
  description: "Data processing completed",
  schema: { records_processed: "integer", duration: "float", errors: "array" },
});

export const ProgressUpdate = defineEvent("PROGRESS_UPDATE", {
  description: "How far the monitored process is",
  schema: { percentage: "integer", step: "string" },
});
