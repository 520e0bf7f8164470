import { defineWorkflow } from "nexus-event-system";
import { expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { nexus } from "./nexus.ts";

test("[run.8] schedules lists what is executed by the clock; in JSON, what the server answers", async () => {
  const report = defineWorkflow("report", () => 1);
  await using site = await serve({ workflows: [report] });
  const { app, url } = site;
  expect((await nexus(["schedules"], { url })).stderr).toBe("no schedules\n");
  app.schedule("hourly", { workflow: report, everyMs: 3_600_000 });
  app.schedule("nightly", { workflow: report, cron: "0 3 * * *", timeZone: "Europe/Berlin" });
  const { code, stdout } = await nexus(["schedules"], { url });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^hourly +report +every 1 h 0 min +next \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/m);
  expect(stdout).toMatch(/^nightly +report +0 3 \* \* \* Europe\/Berlin +next /m);
  const json = await nexus(["schedules", "--output", "json"], { url });
  expect(JSON.parse(json.stdout)).toEqual({ ...(await site.get("/schedules")).body, cursor: expect.any(String) });
});
