import Type from "typebox";
import { type Operation, operation } from "./operation.ts";

const NOTHING = Type.Object({}, { additionalProperties: false });

const list: Operation = operation({
  name: "schedules.list",
  summary: "What is executed by the clock: when each schedule is due next, and the latest run it started.",
  scope: "workflows:read",
  method: "GET",
  path: "/schedules",
  params: NOTHING,
  query: NOTHING,
  run: async (app) => {
    const { log, feed } = await app.source();
    const schedules = await app.schedules();
    return { body: { schedules, cursor: await feed.cursorAt((await log.head()).sequence), hasMore: false } };
  },
});

export const SCHEDULE_OPERATIONS: readonly Operation[] = [list];
