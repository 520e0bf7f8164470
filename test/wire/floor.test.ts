import { expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";
import { trimmedStore } from "../http/fixtures/trimmed-store.ts";

const large = "x".repeat(32 * 1024);
/** Far more than what is kept in memory for readers at the end. */
const EVENTS = 400;

test("[log.6] a cursor below the floor is lost: expired, and earliest is named", async () => {
  const { store, trim } = trimmedStore();
  await using site = await serve({ store });
  const [first, , third] = [await site.app.emitEvent("n", 1), await site.app.emitEvent("n", 2), await site.app.emitEvent("n", 3)];
  await trim(third.sequence);
  const resume = async (query: string): Promise<any> => {
    await using stream = await Stream.open(`${site.url}/events/stream?${query}`);
    return (await stream.frame()).data;
  };
  // Its check, if it has one, is of an event that is gone.
  const earliest = expect.stringContaining(third.cursor.split(".").slice(0, 2).join("."));
  expect(await resume(`after=${first.cursor}`)).toMatchObject({ recovered: false, reason: "expired", earliest });
  expect(await resume(`after=${first.cursor}&onLoss=earliest`)).toMatchObject({ recovered: false, from: earliest });
});

test.each(["/events", "/events/poll"])(
  "[subscription.1] GET %s after a cursor below the floor is 410 CURSOR_EXPIRED, with the earliest",
  async (path) => {
    const { store, trim } = trimmedStore();
    await using site = await serve({ store });
    const [first, second] = [await site.app.emitEvent("n", 1), await site.app.emitEvent("n", 2)];
    await site.app.emitEvent("n", 3);
    await trim(second.sequence);
    const { status, body } = await site.get(`${path}?after=${first.cursor}`);
    expect([status, body.code, body.retryable, body.cursor]).toEqual([410, "CURSOR_EXPIRED", false, first.cursor]);
    expect((await site.get(`${path}?after=${body.earliest}`)).body.events.map((event: any) => event.data)).toEqual([3]);
  },
);

test("[log.6] a floor that rises past the place while a page is read is no silent skip: 410", async () => {
  const { store, trimAtNextRead } = trimmedStore();
  await using site = await serve({ store });
  const [first, second] = [await site.app.emitEvent("n", 1), await site.app.emitEvent("n", 2)];
  await site.app.emitEvent("n", 3);
  await site.app.settled();
  trimAtNextRead(second.sequence);
  // Without its check, so that the read of the page is the first one.
  const { status, body } = await site.get(`/events?after=${first.cursor.split(".").slice(0, 2).join(".")}`);
  expect([status, body.code]).toEqual([410, "CURSOR_EXPIRED"]);
});

test("[subscription.4] a live reader that the floor overtakes is told CURSOR_EXPIRED with the earliest, and is closed", async () => {
  const { store, trim } = trimmedStore();
  await using site = await serve({ store });
  const stream = new Stream(await site.app.fetch(new Request("http://localhost/events/stream?type=large")));
  let floor = 0;
  for (let n = 0; n < EVENTS; n++) {
    const { sequence } = await site.app.emitEvent("large", { n, large });
    if (n === 100) floor = sequence;
  }
  await trim(floor);
  const seen: number[] = [];
  for (;;) {
    const { event, data } = await stream.frame();
    if (event === undefined) seen.push(data.data.n);
    if (event !== "problem") continue;
    expect(data).toMatchObject({ code: "CURSOR_EXPIRED", status: 410, retryable: false, earliest: expect.stringContaining(`.${floor}`) });
    break;
  }
  expect(seen).toEqual(seen.map((_, n) => n));
  expect(seen.length).toBeLessThan(100);
  expect(await stream.raw()).toBeUndefined();
});
