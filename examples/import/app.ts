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
app.onEvent(DataProcessed, ({ runId, data }) => {
  console.log(`run ${runId}: ${data.records_processed} records in ${data.duration} s, ${data.errors.length} rejected`);
});

export default app;
