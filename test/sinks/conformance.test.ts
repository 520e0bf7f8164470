import { sinkConformance } from "nexus-event-system/testing";
import { describe, test } from "vitest";
import { emailPlace, slackPlace, sqlitePlace, webhookPlace } from "./places.ts";

describe.each([
  ["webhook", { place: webhookPlace }],
  ["slack", { place: slackPlace }],
  ["email", { place: emailPlace, lacks: ["busy" as const] }],
  ["runTable on SQLite", { place: sqlitePlace, lacks: ["busy" as const, "hanging" as const] }],
])("%s", (_name, suite) => {
  for (const { title, run } of sinkConformance(suite)) test(title, run);
});
