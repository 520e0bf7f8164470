import { Nexus } from "nexus-event-system";
import { testApp } from "nexus-event-system/testing";
import { expect, test } from "vitest";

test("[consumer.2] in a test of one's own, time that is moved brings the next tries; at rest everything due is delivered", async () => {
  const got: string[] = [];
  await using t = await testApp((setup) => {
    const app = new Nexus(setup);
    app.consumer(
      "c",
      { type: "n", from: "earliest", retry: { attempts: 4, baseMs: 60_000, capMs: 60_000 } },
      async (event, { attempt }) => {
        await Promise.resolve();
        got.push(`${String(event.data)}.${attempt}`);
        if (event.data === 0 && attempt < 4) throw new Error("not yet");
      },
    );
    return app;
  });
  for (let n = 0; n < 3; n++) await t.app.emitEvent("n", n);
  await t.settled();
  expect(got).toEqual(["0.1"]);
  await t.clock.advance(3 * 60_000);
  expect(got).toEqual(["0.1", "0.2", "0.3", "0.4", "1.1", "2.1"]);
  const app = await t.crash();
  await app.emitEvent("n", 3);
  await t.settled();
  expect(got.at(-1)).toBe("3.1");
});
