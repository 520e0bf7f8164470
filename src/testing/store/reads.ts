import assert from "node:assert/strict";
import { parseFilter } from "../../events/filter.ts";
import { anEvent, type Body, code } from "./subject.ts";

/** Reading: pages, order, waiting, time. */
export const readCases: Readonly<Record<string, Body>> = {
  "[log.4] who reads and waits in turn, from before the first of many appends, misses nothing and repeats nothing": async ({ log }) => {
    const count = 200;
    const write = async (): Promise<void> => {
      for (let n = 0; n < count; n++) await log.append(anEvent({ data: n }));
    };
    const seen: unknown[] = [];
    const read = async (): Promise<void> => {
      for (let after = 0; seen.length < count; ) {
        const page = await log.read({ after });
        seen.push(...page.events.map(({ data }) => data));
        after = page.next;
        if (page.upToDate && seen.length < count) await log.waitPast(after, AbortSignal.timeout(20_000));
      }
    };
    await Promise.all([read(), write()]);
    assert.deepEqual(
      seen,
      Array.from({ length: count }, (_, n) => n),
    );
  },

  "[log.4] waitPast resolves for an event that is there already, and for one that comes": async ({ log }) => {
    const signal = AbortSignal.timeout(20_000);
    await log.append(anEvent());
    await log.waitPast(0, signal);
    const waiting = log.waitPast(2, signal).then(async () => (await log.head()).sequence);
    await log.append(anEvent());
    await log.append(anEvent());
    assert.equal(await waiting, 3);
  },

  "[log.4] waitPast rejects with the signal's reason, also when that was aborted before, and when the store closes": async (subject) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const waiting = assert.rejects(subject.log.waitPast(0, controller.signal), reason);
    controller.abort(reason);
    await waiting;
    await subject.log.append(anEvent());
    await assert.rejects(subject.log.waitPast(0, controller.signal), reason);
    const closing = assert.rejects(subject.log.waitPast(1, new AbortController().signal), code("APP_STOPPED"));
    await subject.close();
    await closing;
  },

  "[log.5] a page of large events ends before its limit, and the next one goes on": async ({ log }) => {
    const text = "x".repeat(250_000);
    for (let n = 0; n < 30; n++) await log.append(anEvent({ data: { n, text } }));
    const first = await log.read({ after: 0, limit: 1000 });
    assert.equal(first.upToDate, false);
    assert.ok(first.events.length >= 1 && first.events.length < 30, `${first.events.length} events of 250 kB in one page`);
    assert.equal(first.next, first.events.length);
    const second = await log.read({ after: first.next, limit: 1000 });
    assert.equal(second.events.length, 30 - first.events.length);
    assert.equal(second.upToDate, true);
  },

  "[log.5] a filtered read advances past what it skipped": async ({ log }) => {
    for (let n = 0; n < 30; n++) await log.append(anEvent({ type: n === 10 || n === 20 ? "RARE" : "COMMON" }));
    const filter = parseFilter({ type: "RARE" });
    const next = async (after: number, order?: "desc"): Promise<unknown[]> => {
      const page = await log.read({ after, filter, limit: 1, ...(order && { order }) });
      return [page.events.map(({ sequence }) => sequence), page.next, page.upToDate];
    };
    assert.deepEqual(await next(0), [[11], 11, false]);
    assert.deepEqual(await next(11), [[21], 30, true]);
    assert.deepEqual(await next(30), [[], 30, true]);
    assert.deepEqual(await next(30, "desc"), [[21], 20, false]);
    assert.deepEqual(await next(20, "desc"), [[11], 0, true]);
    assert.deepEqual((await log.read({ after: 0, filter: parseFilter({ type: "NONE" }) })).next, 30);
  },

  "[log.5] a reader past the end is not sent back": async ({ log }) => {
    await log.append(anEvent());
    const { events, next, upToDate } = await log.read({ after: 5 });
    assert.deepEqual({ events, next, upToDate }, { events: [], next: 5, upToDate: true });
  },

  "[log.5] a page that also has its events as they are kept has the same events": async ({ log }) => {
    for (const each of [{}, { data: 'ä\u2028"' }, { metadata: { a: [1] }, userId: "u" }, { data: null, broadcast: true as const }])
      await log.append(anEvent(each), { dataJson: JSON.stringify(anEvent(each).data) });
    for (const order of ["asc", "desc"] as const) {
      const { events, rows } = await log.read({ after: order === "asc" ? 0 : 4, order });
      if (rows === undefined) continue;
      assert.deepEqual(
        rows.map(({ id, sequence, timestamp, body }) => ({ ...(JSON.parse(body) as object), id, sequence, timestamp })),
        events.map((event) => ({ ...event })),
      );
    }
  },

  "[log.5] a page holds as many events as asked for, 100 by default, 1000 at most": async ({ log }) => {
    await Promise.all(Array.from({ length: 1001 }, () => log.append(anEvent())));
    assert.equal((await log.read({ after: 0 })).events.length, 100);
    assert.deepEqual(
      [(await log.read({ after: 0, limit: 1000 })).events.length, (await log.read({ after: 1, limit: 1000 })).upToDate],
      [1000, true],
    );
    for (const limit of [0, 1001, 1.5, -1, Number.NaN]) await assert.rejects(log.read({ after: 0, limit }), code("OPTION_INVALID"));
  },

  "[log.13] since and until are a place in the log: since <= timestamp < until": async (subject) => {
    const start = subject.clock.now;
    for (const offset of [0, 10, 10, 10, 20, 5]) {
      subject.clock.now = start + offset;
      await subject.log.append(anEvent());
    }
    const found = async (since?: number, until?: number): Promise<number[]> => {
      const times = { ...(since !== undefined && { since: start + since }), ...(until !== undefined && { until: start + until }) };
      return (await subject.all(parseFilter(times, { times: true }))).map(({ sequence }) => sequence);
    };
    assert.deepEqual(await found(10), [2, 3, 4, 5, 6]);
    assert.deepEqual(await found(undefined, 10), [1]);
    assert.deepEqual(await found(1, 20), [2, 3, 4]);
    assert.deepEqual(await found(20, 21), [5, 6]);
    assert.deepEqual(await found(21), []);
    assert.deepEqual(await found(15, 12), []);
    assert.equal((await subject.all(parseFilter({ since: start + 10, type: "THING_HAPPENED" }, { times: true }), 2)).length, 5);
  },
};
