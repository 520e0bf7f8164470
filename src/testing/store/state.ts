import assert from "node:assert/strict";
import { anEvent, type Body, code } from "./subject.ts";

const conflict = (key: string, revision: number): object => ({ code: "STATE_CONFLICT", details: { key, revision } });

/** What is not history: values by key. */
export const stateCases: Readonly<Record<string, Body>> = {
  "state: a value is there when its put resolves, and after opening again": async (subject) => {
    assert.equal(await subject.state.get("a/b"), undefined);
    const value = { list: [1, "é\0"], nothing: null };
    const revision = await subject.state.put("a/b", value);
    await subject.reopen();
    assert.deepEqual(await subject.state.get("a/b"), { value, revision });
    await subject.state.delete("a/b");
    await subject.state.delete("a/b");
    await subject.reopen();
    assert.equal(await subject.state.get("a/b"), undefined);
  },

  "state: a revision is asked for: 0 only if new, n only if unchanged, none whatever is there": async ({ state }) => {
    const first = await state.put("k", 1, { revision: 0 });
    await assert.rejects(state.put("k", 2, { revision: 0 }), conflict("k", first));
    const second = await state.put("k", 2, { revision: first });
    await assert.rejects(state.put("k", 3, { revision: first }), conflict("k", second));
    await assert.rejects(state.delete("k", { revision: first }), conflict("k", second));
    await assert.rejects(state.delete("none", { revision: 7 }), conflict("none", 0));
    await assert.rejects(state.put("none", 1, { revision: 7 }), conflict("none", 0));
    await state.delete("none", { revision: 0 });
    const third = await state.put("k", 3);
    assert.ok(first > 0 && second > first && third > second);
    await state.delete("k", { revision: third });
    assert.equal(await state.get("k"), undefined);
  },

  "state: revisions only grow, also when a key is deleted and made again, and after opening again": async (subject) => {
    const first = await subject.state.put("k", 1);
    await subject.state.delete("k");
    await subject.reopen();
    const second = await subject.state.put("k", 1, { revision: 0 });
    assert.ok(second > first);
    await assert.rejects(subject.state.put("k", 2, { revision: first }), conflict("k", second));
  },

  "state: of many puts that expect the same, one is taken": async ({ state }) => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => state.put("k", n, { revision: 0 })));
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal((await state.get("k"))?.value, 0);
  },

  "state: calls take effect in the order they are made, appends among them, and a refused one fails no other": async ({ log, state }) => {
    const results = await Promise.allSettled([
      state.put("k", 1),
      state.put("k", 2, { revision: 0 }),
      log.append(anEvent()),
      state.delete("k"),
      state.get("k"),
      state.put("k", 3, { revision: 0 }),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled", "fulfilled", "fulfilled", "fulfilled"],
    );
    assert.equal((await state.get("k"))?.value, 3);
  },

  "state: a read sees every write made before it": async ({ state }) => {
    const put = state.put("k", 1);
    const [value, list] = await Promise.all([state.get("k"), state.list("")]);
    assert.deepEqual([value?.value, list.entries.length], [1, 1]);
    await put;
  },

  "state: a list is in the order of the keys, by prefix, in pages": async ({ state }) => {
    const keys = ["a", "a-b", "a/1", "a/10", "a/2", "a/b/c", "aa", "b", "A/1", "a=", "a_"];
    for (const key of keys) await state.put(key, { key });
    const list = async (prefix: string, limit?: number): Promise<string[]> => {
      const found: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await state.list(prefix, { ...(after !== undefined && { after }), ...(limit !== undefined && { limit }) });
        for (const { key, value, revision } of page.entries) {
          assert.deepEqual([value, revision > 0], [{ key }, true]);
          found.push(key);
        }
        if (page.next === undefined) return found;
        after = page.next;
      }
    };
    for (const limit of [undefined, 1, 2, 11]) {
      assert.deepEqual(await list("", limit), [...keys].sort());
      assert.deepEqual(await list("a/", limit), ["a/1", "a/10", "a/2", "a/b/c"]);
      assert.deepEqual(await list("a/1", limit), ["a/1", "a/10"]);
      assert.deepEqual(await list("c", limit), []);
    }
    assert.deepEqual(
      (await state.list("a/", { after: "a/15" })).entries.map(({ key }) => key),
      ["a/2", "a/b/c"],
    );
    assert.deepEqual((await state.list("a/", { after: "A" })).entries.length, 4);
    assert.deepEqual((await state.list("a/", { after: "b" })).entries, []);
    await assert.rejects(state.list("", { limit: 0 }), code("OPTION_INVALID"));
  },

  "state: what is no key or no value is refused": async ({ state }) => {
    for (const key of ["", "/", "a/", "/a", "a//b", "a b", "é", "a.b", "a\0", "k".repeat(513)]) {
      await assert.rejects(state.put(key, 1), code("STATE_INVALID"), key);
      await assert.rejects(state.get(key), code("STATE_INVALID"), key);
      await assert.rejects(state.delete(key), code("STATE_INVALID"), key);
    }
    for (const value of [undefined, Number.NaN, 1n, () => 1, new Date(0), "\uD800", "x".repeat(768 * 1024 - 1), "é".repeat(400 * 1024)]) {
      await assert.rejects(state.put("k", value), code("STATE_INVALID"));
    }
    assert.deepEqual((await state.list("")).entries, []);
    const [key, value] = ["k".repeat(512), "x".repeat(768 * 1024 - 2)];
    await state.put(key, value);
    assert.equal((await state.get(key))?.value, value);
  },

  "state: what is done to a value after it was handed over, or read, changes nothing": async ({ state }) => {
    const value = { list: [1] };
    const put = state.put("k", value);
    value.list.push(2);
    await put;
    const read = (await state.get("k"))?.value as { list: number[] };
    assert.deepEqual(read, { list: [1] });
    read.list.push(3);
    assert.deepEqual((await state.get("k"))?.value, { list: [1] });
  },
};
