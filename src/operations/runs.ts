import Type from "typebox";
import { NexusError } from "../errors.ts";
import { filterOf } from "../events/event-filter.ts";
import { eventPage } from "../log/event-page.ts";
import { fitting } from "./fitting.ts";
import { type Operation, operation } from "./operation.ts";
import { LIMIT, NOTHING } from "./schemas.ts";

const RUN = Type.Object({ runId: Type.String({ description: "The run's id." }) });

const list: Operation = operation({
  name: "runs.list",
  summary: "Runs, newest first.",
  scope: "workflows:read",
  method: "GET",
  path: "/runs",
  params: NOTHING,
  query: Type.Object(
    {
      workflow: Type.Optional(Type.String({ minLength: 1 })),
      status: Type.Optional(Type.Enum(["queued", "running", "waiting", "completed", "failed", "cancelled"])),
      sessionId: Type.Optional(Type.String({ minLength: 1 })),
      after: Type.Optional(Type.String({ description: "Only runs that began after this place." })),
      before: Type.Optional(Type.String({ description: "Only runs that began before this place: the `previous` of a page." })),
      limit: LIMIT,
    },
    { additionalProperties: false },
  ),
  tool: { name: "list_runs" },
  run: async (app, { workflow, status, sessionId, after, before, limit }) => ({
    body: await app.runs.list({ workflow, status, sessionId, after, before, limit }),
  }),
});

const get: Operation = operation({
  name: "runs.get",
  summary: "One run, with its steps.",
  scope: "workflows:read",
  method: "GET",
  path: "/runs/{runId}",
  params: RUN,
  query: NOTHING,
  tool: { name: "get_run" },
  run: async (app, { runId }) => ({ body: await app.runs.get(runId) }),
});

const events: Operation = operation({
  name: "runs.events",
  summary: "The events of a run, oldest first.",
  scope: "events:read",
  method: "GET",
  path: "/runs/{runId}/events",
  cloudEvents: "out",
  params: RUN,
  query: Type.Object({ after: Type.Optional(Type.String()), limit: LIMIT }, { additionalProperties: false }),
  tool: { name: "list_run_events" },
  run: async (app, { runId, after = "earliest", limit }, call) => {
    const { log, feed } = await app.source();
    const filter = app.access.seen(filterOf({ runId }));
    // What it emitted for everyone is no proof of a run that is another's.
    const own = app.access.sight === undefined ? filter : app.access.seen(filterOf({ runId, type: ["workflow.*", "step.*"] }));
    const first = await log.read({ after: 0, filter: own, limit: 1 });
    if (first.events.length === 0) throw new NexusError("RUN_NOT_FOUND", { runId });
    const page = await eventPage(log, feed, { filter, after, limit });
    return { body: await fitting(feed, page, call.sparing, { after, sight: app.access.sight }) };
  },
});

const cancel: Operation = operation({
  name: "runs.cancel",
  summary: "Ends a run that has not ended; one that has stays as it is.",
  scope: "workflows:run",
  method: "POST",
  path: "/runs/{runId}/cancel",
  params: RUN,
  query: NOTHING,
  body: Type.Object({ reason: Type.Optional(Type.String({ maxLength: 1000 })) }, { additionalProperties: false }),
  tool: { name: "cancel_run", destructive: true, idempotent: true },
  run: async (app, { runId, reason }) => ({ body: await app.runs.cancel(runId, reason) }),
});

export const RUN_OPERATIONS: readonly Operation[] = [list, get, events, cancel];
