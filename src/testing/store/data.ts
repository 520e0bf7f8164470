import assert from "node:assert/strict";
import { NexusError } from "../../errors.ts";
import type { NewEvent, StoredEvent } from "../../events/event.ts";
import { anEvent, type Body, code } from "./subject.ts";

const AWKWARD: Readonly<Record<string, unknown>> = {
  null: null,
  false: false,
  "an empty text": "",
  "a text with NUL": "a\0b",
  "line ends": "\r\n\u2028\u2029",
  "astral characters": "👩‍🚀 𝒳",
  "a byte order mark": "\uFEFFa",
  "quotes and backslashes": `"'\\\\"`,
  "a megabyte": "é".repeat(512 * 1024),
  "great and small numbers": [Number.MAX_SAFE_INTEGER, -Number.MAX_VALUE, Number.MIN_VALUE, 0.1],
  "empty containers": [[], {}, [[]]],
  "keys of the envelope": { type: "x", id: "y", sequence: 0, session_id: "z", cursor: null },
  "keys of prototypes": JSON.parse('{"__proto__": {"a": 1}, "constructor": 1, "toString": 2}'),
  "a deep nest": JSON.parse(`${"[".repeat(64)}${"]".repeat(64)}`),
};

/** What events carry. */
export const dataCases: Readonly<Record<string, Body>> = {
  "[event.1] data comes back as it was given, and the envelope beside it": async (subject) => {
    const events = Object.values(AWKWARD).map((data) => anEvent({ data, metadata: { data } as never }));
    await Promise.all(events.map((event) => subject.log.append(event)));
    await subject.reopen();
    const stored = await subject.all();
    for (const [i, what] of Object.keys(AWKWARD).entries()) {
      assert.deepEqual(stored[i], { ...events[i], sequence: i + 1, timestamp: subject.clock.now }, what);
    }
  },

  "[event.1] every field of the envelope comes back, those without a value are absent, and no other is taken": async (subject) => {
    const full: NewEvent = {
      id: "chosen:by/caller",
      type: "A.b-c_d",
      channel: "mcp",
      source: "app/node",
      sessionId: "s",
      userId: "u",
      workflowName: "w",
      runId: "r",
      correlationId: "c",
      causationId: "d",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      visibility: "public",
      broadcast: true,
      data: {},
      metadata: {},
    };
    const bare = anEvent();
    await subject.log.append({ ...full, cursor: "x", sequence: 99, timestamp: 1 } as NewEvent);
    await subject.log.append({ ...bare, userId: undefined } as never);
    const at = { timestamp: subject.clock.now };
    assert.deepEqual(await subject.all(), [
      { ...full, ...at, sequence: 1 },
      { ...bare, ...at, sequence: 2 },
    ]);
  },

  "[event.7] a text with a lone surrogate comes back as it is, or is refused": async (subject) => {
    const event = anEvent({ data: { text: "a\uD800b" } });
    try {
      await subject.log.append(event);
    } catch (error) {
      assert.ok(NexusError.is(error, "EVENT_INVALID"));
      return;
    }
    await subject.reopen();
    assert.deepEqual((await subject.all())[0]?.data, event.data);
  },

  "[event.7] data that is no JSON is refused, and its neighbours are recorded": async (subject) => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const results = await Promise.allSettled(
      [anEvent(), anEvent({ data: cycle }), anEvent({ data: { big: 1n } }), anEvent()].map((event) => subject.log.append(event)),
    );
    assert.deepEqual(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "rejected", "fulfilled"],
    );
    await assert.rejects(subject.log.append(anEvent({ data: cycle })), code("EVENT_INVALID"));
    assert.equal((await subject.log.head()).sequence, 2);
  },

  "[log.2] what is done to an event after it was handed over, or read, changes nothing": async (subject) => {
    const event = { ...anEvent({ data: { list: [1] } }), runId: "r", type: "step.started" };
    const append = subject.log.append(event);
    const { id } = event;
    Object.assign(event, { id: "other", type: "other", runId: "other" });
    (event.data as { list: number[] }).list.push(2);
    assert.equal((await append).id, id);
    const read = (await subject.all())[0] as StoredEvent;
    assert.deepEqual([read.id, read.type, read.runId, read.data], [id, "step.started", "r", { list: [1] }]);
    (read.data as { list: number[] }).list.push(3);
    assert.deepEqual((await subject.all())[0]?.data, { list: [1] });
    await assert.rejects(subject.log.append(anEvent({ type: "step.completed", runId: "r" }), { expect: null }), code("STREAM_CONFLICT"));
  },
};
