import assert from "node:assert/strict";
import type { NewEvent } from "../../events/event.ts";
import { anEvent, aStep, type Body, code } from "./subject.ts";

const numbers = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Recording: order, repeats, streams, neighbours, time. */
export const appendCases: Readonly<Record<string, Body>> = {
  "[log.1] an append resolves to the event's position, and the event is there after closing and opening again": async (subject) => {
    const event = anEvent({ userId: "u", metadata: { a: [1, null] } });
    const position = await subject.log.append(event);
    assert.deepEqual(position, { id: event.id, sequence: 1, timestamp: subject.clock.now, recorded: true });
    await subject.reopen();
    assert.deepEqual(await subject.all(), [{ ...event, sequence: 1, timestamp: subject.clock.now }]);
  },

  "[log.1] what waits when the store is closed is recorded; what comes later is refused": async (subject) => {
    const appends = numbers(1, 50).map(() => subject.log.append(anEvent()));
    await subject.close();
    assert.deepEqual(
      (await Promise.all(appends)).map(({ sequence }) => sequence),
      numbers(1, 50),
    );
    await assert.rejects(subject.log.append(anEvent()), code("APP_STOPPED"));
    await assert.rejects(subject.log.read({ after: 0 }), code("APP_STOPPED"));
    await assert.rejects(subject.log.head(), code("APP_STOPPED"));
    await assert.rejects(subject.log.waitPast(0, new AbortController().signal), code("APP_STOPPED"));
    await assert.rejects(subject.state.get("a"), code("APP_STOPPED"));
    await assert.rejects(subject.state.put("a", 1), code("APP_STOPPED"));
    await subject.reopen();
    assert.equal((await subject.log.head()).sequence, 50);
  },

  "[log.2] sequences are gapless from 1, in the order of the calls": async (subject) => {
    const positions = await Promise.all(numbers(1, 300).map((n) => subject.log.append(anEvent({ data: n }))));
    assert.deepEqual(
      positions.map(({ sequence }) => sequence),
      numbers(1, 300),
    );
    assert.deepEqual(
      (await subject.all()).map(({ sequence, data }) => [sequence, data]),
      numbers(1, 300).map((n) => [n, n]),
    );
    await subject.reopen();
    assert.equal((await subject.log.append(anEvent())).sequence, 301);
  },

  "[log.2] a read sees every append made before it": async (subject) => {
    const append = subject.log.append(anEvent());
    const [page, head] = await Promise.all([subject.log.read({ after: 0 }), subject.log.head()]);
    assert.equal(page.events.length, 1);
    assert.equal(head.sequence, 1);
    await append;
  },

  "[log.3] an id that the log holds is answered with its first position": async (subject) => {
    const event = anEvent({ data: { a: 1, b: { c: 2, d: 3 } } });
    const same = {
      ...event,
      data: { b: { d: 3, c: 2 }, a: 1 },
      source: "other/node",
      correlationId: "x",
      traceparent: "y",
      causationId: "z",
    };
    const [first, repeated] = await Promise.all([subject.log.append(event), subject.log.append(same)]);
    subject.clock.now += 1000;
    const { recorded: _recorded, ...place } = first;
    assert.deepEqual(repeated, { ...place, recorded: false });
    assert.deepEqual(await subject.log.append(event), { ...place, recorded: false });
    await subject.reopen();
    assert.deepEqual(await subject.log.append(event), { ...place, recorded: false });
    assert.equal((await subject.log.append(anEvent())).sequence, 2);
  },

  "[log.3] an id with another type, data, sessionId, metadata, visibility or broadcast is EVENT_ID_CONFLICT": async (subject) => {
    const event = anEvent({ sessionId: "s", metadata: { a: 1 } });
    await subject.log.append(event);
    const others: Partial<NewEvent>[] = [
      { type: "OTHER" },
      { data: { thing: 2 } },
      { sessionId: "t" },
      { metadata: { a: 2 } },
      { visibility: "public" },
      { broadcast: true },
    ];
    for (const other of others) await assert.rejects(subject.log.append({ ...event, ...other }), code("EVENT_ID_CONFLICT"));
    assert.equal((await subject.log.head()).sequence, 1);
  },

  "[log.3] ids are compared as they are written: case, look and length count": async (subject) => {
    const id = "0190a000-0000-7000-8000-0000000000ab";
    const ids = [
      id,
      id.toUpperCase(),
      id.replaceAll("-", ""),
      `${id}0`,
      id.replace("8000", "0000"),
      `u/${id}`,
      "1",
      "01",
      "1.0",
      "~".repeat(128),
    ];
    for (const [i, each] of ids.entries()) assert.equal((await subject.log.append(anEvent({ id: each }))).sequence, i + 1);
    await subject.reopen();
    assert.deepEqual(
      (await subject.all()).map((event) => event.id),
      ids,
    );
    for (const [i, each] of ids.entries()) assert.equal((await subject.log.append(anEvent({ id: each }))).sequence, i + 1);
  },

  "[log.3] an append of unknown outcome is repeated as it was, with what it expected": async (subject) => {
    const [first, second] = [aStep("r"), aStep("r")];
    await subject.log.append(first, { expect: null });
    await subject.log.append(second, { expect: first.id });
    assert.equal((await subject.log.append(first, { expect: null })).sequence, 1);
    assert.equal((await subject.log.append(second, { expect: first.id })).recorded, false);
    await assert.rejects(subject.log.append({ ...first, data: 0 }, { expect: null }), code("EVENT_ID_CONFLICT"));
  },

  "[log.8] a chain of appends that name one another needs no waiting in between": async (subject) => {
    const chain = numbers(1, 40).map(() => aStep("r"));
    const positions = await Promise.all(chain.map((event, i) => subject.log.append(event, { expect: chain[i - 1]?.id ?? null })));
    assert.deepEqual(
      positions.map(({ sequence }) => sequence),
      numbers(1, 40),
    );
  },

  "[log.8] a refused append fails none of its neighbours, and all that name it": async (subject) => {
    const [first, late, dependant, next] = [aStep("r"), aStep("r"), aStep("r"), aStep("r")];
    const taken = anEvent();
    const results = await Promise.allSettled([
      subject.log.append(taken),
      subject.log.append(first, { expect: null }),
      subject.log.append(late, { expect: null }),
      subject.log.append({ ...taken, data: "other" }),
      subject.log.append(dependant, { expect: late.id }),
      subject.log.append(next, { expect: first.id }),
      subject.log.append(anEvent()),
    ]);
    const outcomes = results.map((result) =>
      result.status === "fulfilled" ? result.value.sequence : (result.reason as { code?: string }).code,
    );
    assert.deepEqual(outcomes, [1, 2, "STREAM_CONFLICT", "EVENT_ID_CONFLICT", "STREAM_CONFLICT", 3, 4]);
    assert.deepEqual(
      (await subject.all()).map(({ sequence }) => sequence),
      [1, 2, 3, 4],
    );
  },

  "[log.8] what an append expects is compared with the last event of its stream, and of no other": async (subject) => {
    const registered = anEvent({ type: "workflow.registered", runId: "r", workflowName: "w" });
    const [run, session, twin] = [aStep("r"), anEvent({ type: "session.created", sessionId: "r", runId: "r" }), aStep("R")];
    await subject.log.append(registered, { expect: null });
    for (const event of [run, session, twin]) await subject.log.append(event, { expect: null });
    await subject.log.append(anEvent({ runId: "r", sessionId: "r" }), { expect: registered.id });
    await subject.reopen();
    const refusal = { stream: "runs/r", last: run.id };
    await assert.rejects(subject.log.append(aStep("r"), { expect: null }), { code: "STREAM_CONFLICT", details: refusal });
    await assert.rejects(subject.log.append(aStep("r"), { expect: registered.id }), { code: "STREAM_CONFLICT", details: refusal });
    await assert.rejects(subject.log.append(aStep("new"), { expect: run.id }), {
      code: "STREAM_CONFLICT",
      details: { stream: "runs/new", last: null },
    });
    await subject.log.append(anEvent({ type: "session.ended", sessionId: "r" }), { expect: session.id });
    await subject.log.append(aStep("r"), { expect: run.id });
  },

  "[log.8] an append without an expectation moves its stream on": async (subject) => {
    const [first, cancelled] = [aStep("r"), anEvent({ type: "workflow.cancelled", runId: "r" })];
    await subject.log.append(first, { expect: null });
    await subject.log.append(cancelled);
    await assert.rejects(subject.log.append(aStep("r"), { expect: first.id }), code("STREAM_CONFLICT"));
    await subject.log.append(aStep("r"), { expect: cancelled.id });
  },

  "[log.13] timestamps are whole milliseconds of the store's clock and never decrease, also when that steps back": async (subject) => {
    const start = subject.clock.now;
    const seen: number[] = [];
    for (const now of [start, start + 5.75, start - 60_000, start + 7]) {
      subject.clock.now = now;
      seen.push((await subject.log.append(anEvent())).timestamp);
    }
    subject.clock.now = start - 1;
    await subject.reopen();
    seen.push((await subject.log.append(anEvent())).timestamp);
    await subject.log.trim(5);
    await subject.reopen();
    seen.push((await subject.log.append(anEvent())).timestamp);
    assert.deepEqual(seen, [start, start + 5, start + 5, start + 7, start + 7, start + 7]);
  },
};
