import assert from "node:assert/strict";
import { test } from "node:test";
import { Nexus } from "nexus-event-system";
import { testApp } from "nexus-event-system/testing";
import { OrderShipped, shipOrder } from "./workflows.ts";

test("an order leaves in as many parcels as it takes, also when the process dies on the way", async () => {
  const t = await testApp((setup) => new Nexus({ ...setup, workflows: [shipOrder], events: [OrderShipped] }));
  const { runId } = await t.app.startRun(shipOrder, { orderId: "o-1", items: 7 });
  await t.settled();

  const app = await t.crash();
  await t.clock.advance(2_000);

  const { events } = await app.getEvents({ runId, type: OrderShipped });
  assert.deepEqual(
    events.map(({ data }) => data),
    [{ orderId: "o-1", parcels: 3 }],
  );
  assert.equal((await app.runs.get(runId)).status, "completed");
  await app.stop();
});
