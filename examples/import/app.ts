import { Nexus } from "nexus-event-system";
import { DataProcessed, ProgressUpdate, RowRejected } from "./events.ts";
import { importMovies } from "./import-movies.ts";
import { monitoredProcess } from "./monitored-process.ts";

const app = new Nexus({
  name: "import",
  workflows: [importMovies, monitoredProcess],
  events: [RowRejected, DataProcessed, ProgressUpdate],
});

// Called in this process for every such event, whoever started the run: a page, a terminal or an agent.
app.onEvent(DataProcessed, (event, { log }) => {
  log.info({ runId: event.runId, ...event.data }, `processed ${event.data.records_processed} records`);
});

export default app;
