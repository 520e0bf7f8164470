import assert from "node:assert/strict";
import { anEvent, aStep, type Body, code } from "./subject.ts";

/** Forgetting what is oldest. */
export const trimCases: Readonly<Record<string, Body>> = {
  "[log.6] an epoch is 10 of [0-9a-z], stays when the log is opened again, and no other log has it": async (subject) => {
    const { epoch, floor, sequence } = await subject.log.head();
    assert.match(epoch, /^[0-9a-z]{10}$/);
    assert.deepEqual([floor, sequence], [0, 0]);
    await subject.log.append(anEvent());
    await subject.reopen();
    assert.deepEqual(await subject.log.head(), { epoch, floor: 0, sequence: 1 });
  },

  "[log.6] a trimmed prefix is gone: the floor says so, and reads begin after it": async (subject) => {
    for (let n = 1; n <= 20; n++) await subject.log.append(anEvent({ data: n }));
    await subject.log.trim(8);
    for (const reopened of [false, true]) {
      if (reopened) await subject.reopen();
      const { floor, sequence } = await subject.log.head();
      assert.deepEqual([floor, sequence], [8, 20]);
      const { events, next } = await subject.log.read({ after: 3 });
      assert.deepEqual([events.length, events[0]?.sequence, events[0]?.data, next], [12, 9, 9, 20]);
      const down = await subject.log.read({ after: 10, order: "desc" });
      assert.deepEqual([down.events.map((event) => event.sequence), down.next, down.upToDate], [[10, 9], 8, true]);
      assert.deepEqual((await subject.log.read({ after: 5, order: "desc" })).events, []);
    }
  },

  "[log.6] the floor never falls, and never passes the newest event": async (subject) => {
    await subject.log.trim(10);
    assert.equal((await subject.log.head()).floor, 0);
    for (let n = 0; n < 5; n++) await subject.log.append(anEvent());
    await subject.log.trim(3);
    for (const position of [2, 0, -1]) await subject.log.trim(position);
    assert.equal((await subject.log.head()).floor, 3);
    await subject.log.trim(100);
    assert.equal((await subject.log.head()).floor, 5);
  },

  "[log.2] a sequence is never given out again, also when every event is trimmed": async (subject) => {
    for (let n = 0; n < 5; n++) await subject.log.append(anEvent());
    await subject.log.trim(5);
    await subject.reopen();
    const { floor, sequence } = await subject.log.head();
    assert.deepEqual([floor, sequence], [5, 5]);
    const { events, next, upToDate } = await subject.log.read({ after: 0 });
    assert.deepEqual({ events, next, upToDate }, { events: [], next: 5, upToDate: true });
    assert.equal((await subject.log.append(anEvent())).sequence, 6);
  },

  "[log.3] the id of a trimmed event is new again": async (subject) => {
    const event = anEvent();
    await subject.log.append(event);
    await subject.log.append(anEvent());
    await subject.log.trim(1);
    assert.deepEqual([(await subject.log.append({ ...event, data: "other" })).sequence, (await subject.log.head()).sequence], [3, 3]);
  },

  "[log.8] a stream that is trimmed to its end is new again; one that is not goes on": async (subject) => {
    const [gone, kept, last] = [aStep("gone"), aStep("kept"), aStep("kept")];
    for (const event of [gone, kept, last]) await subject.log.append(event);
    await subject.log.trim(2);
    await assert.rejects(subject.log.append(aStep("gone"), { expect: gone.id }), code("STREAM_CONFLICT"));
    await subject.log.append(aStep("gone"), { expect: null });
    await assert.rejects(subject.log.append(aStep("kept"), { expect: null }), code("STREAM_CONFLICT"));
    await subject.log.append(aStep("kept"), { expect: last.id });
  },

  "trim: a long prefix goes while appends and reads go on": async (subject) => {
    const count = 1500;
    await Promise.all(Array.from({ length: count }, () => subject.log.append(anEvent())));
    const trimming = subject.log.trim(count);
    const appended = await Promise.all(Array.from({ length: 50 }, () => subject.log.append(anEvent())));
    assert.equal(appended.at(-1)?.sequence, count + 50);
    await trimming;
    assert.equal((await subject.log.head()).floor, count);
    assert.equal((await subject.all()).length, 50);
  },
};
