import { storeConformance } from "nexus-event-system/testing";
import { describe, test } from "vitest";
import { PLACES } from "./places.ts";

describe.each(Object.entries(PLACES))("%s", (_name, place) => {
  for (const { title, run } of storeConformance({ place })) test(title, run);
});
