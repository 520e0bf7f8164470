import { cursorNow } from "./cursor-now.ts";
import { type Operation, operation } from "./operation.ts";
import { NOTHING } from "./schemas.ts";

const list: Operation = operation({
  name: "schedules.list",
  summary: "What is executed by the clock: when each schedule is due next, and the latest run it started.",
  scope: "workflows:read",
  method: "GET",
  path: "/schedules",
  params: NOTHING,
  query: NOTHING,
  tool: { name: "list_schedules" },
  run: async (app) => {
    const schedules = await app.schedules();
    return { body: { schedules, cursor: await cursorNow(app), hasMore: false } };
  },
});

export const SCHEDULE_OPERATIONS: readonly Operation[] = [list];
