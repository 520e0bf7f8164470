import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { sqliteStore, tunedSqliteStore } from "../../src/stores/sqlite/store.ts";
import { DEFAULTS } from "../../src/stores/sqlite/tuning.ts";
import { anEvent, appendTen, openApart } from "./apart.ts";
import { temporaryDirectory } from "./places.ts";
import { readPlaces } from "./read-all.ts";

const DYING = new URL("./fixtures/dying-writer.ts", import.meta.url);

for (const [dies, when] of [
  ["at-start", "as it starts"],
  ["before", "before it has written what it was given"],
  ["after", "when it has written it, and not said so"],
]) {
  test(`[log.9] a thread that ends ${when}: each append is answered and recorded once, and a warning says that it is gone`, async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, `${dies}.db`);
    await using store = tunedSqliteStore(file, "full", { ...DEFAULTS, indexEvery: 20, apartFrom: 1, writer: DYING });
    const { log } = await store.open({ now: Date.now });
    let warning: unknown;
    process.once("warning", (given) => (warning = given));
    const answered: [string, number][] = [];
    while (warning === undefined) answered.push(...(await appendTen(log)));
    answered.push(...(await appendTen(log)));
    expect(warning).toMatchObject({ code: "NEXUS_WRITER" });
    expect(answered.map(([, sequence]) => sequence)).toEqual(answered.map((_, n) => n + 1));
    expect(await readPlaces(log)).toEqual(answered);
  });
}

test("[app.7] [log.10] a thread that ends and leaves the file damaged: every call is answered, and the store can be closed", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "damaging.db");
  const store = tunedSqliteStore(file, "full", { ...DEFAULTS, apartFrom: 1, writer: DYING });
  const { log } = await store.open({ now: Date.now });
  let failure: unknown;
  while (failure === undefined) await appendTen(log).catch((error: unknown) => (failure = error));
  expect(failure).toMatchObject({ code: "STORE_DAMAGED" });
  await expect(log.append(anEvent("later"))).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  await expect(log.read({ after: 0 })).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  await store[Symbol.asyncDispose]();
  await expect(tunedSqliteStore(file, "full", DEFAULTS).open({ now: Date.now })).rejects.toMatchObject({ code: "STORE_DAMAGED" });
});

test("[log.4] whoever reads, lists and trims is answered while others follow the log without a pause", async () => {
  await using directory = await temporaryDirectory();
  await using store = sqliteStore(join(directory.path, "x.db"));
  const { log, state } = await store.open({ now: Date.now });
  await Promise.all(Array.from({ length: 2_000 }, (_, n) => log.append(anEvent(String(n)))));
  let goesOn = true;
  const following = Array.from({ length: 20 }, async () => {
    for (let after = 0; goesOn; after = after < 1_800 ? after + 200 : 0) await log.read({ after, limit: 200, durable: true });
  });
  for (let n = 0; n < 20; n++) {
    expect((await log.read({ after: 0 })).events.length).toBe(100);
    expect(await state.get("none")).toBe(undefined);
  }
  await log.trim(500);
  goesOn = false;
  await Promise.all(following);
});

test("[log.10] while the file cannot be written appends are STORE_UNAVAILABLE, also those of the thread; afterwards the same ones are recorded once", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "x.db");
  await using store = await openApart(file);
  const { log } = store;
  const before = (await log.head()).sequence;
  const other = new Database(file);
  other.exec("BEGIN IMMEDIATE");
  const given = store.given();
  const refused = await Promise.allSettled(["1", "2", "3"].map((id) => log.append(anEvent(id))));
  await given;
  expect(refused.map((result) => result.status === "rejected" && (result.reason as { readonly code: string }).code)).toEqual(
    Array.from({ length: 3 }, () => "STORE_UNAVAILABLE"),
  );
  expect((await log.head()).sequence).toBe(before);
  other.exec("ROLLBACK");
  other.close();
  const taken = await Promise.all(["1", "2", "3"].map((id) => log.append(anEvent(id))));
  expect(taken.map(({ sequence, recorded }) => [sequence - before, recorded])).toEqual([1, 2, 3].map((n) => [n, true]));
});

test("[log.3] what the thread finds there already is answered as if each had come alone", async () => {
  await using directory = await temporaryDirectory();
  await using store = await openApart(join(directory.path, "x.db"));
  const { log } = store;
  const first = await log.append(anEvent("a"));
  const given = store.given();
  const [again, other, recorded, twice] = await Promise.allSettled([
    log.append(anEvent("a")),
    log.append({ ...anEvent("a"), data: "other" }),
    log.append(anEvent("c")),
    log.append(anEvent("c")),
  ]);
  await given;
  expect(again).toMatchObject({ status: "fulfilled", value: { sequence: first.sequence, recorded: false } });
  expect(other).toMatchObject({ status: "rejected", reason: { code: "EVENT_ID_CONFLICT" } });
  expect(recorded).toMatchObject({ status: "fulfilled", value: { sequence: first.sequence + 1, recorded: true } });
  expect(twice).toMatchObject({ status: "fulfilled", value: { sequence: first.sequence + 1, recorded: false } });
});

test("however fast the thread writes, the event loop goes round between the answers of any two transactions", async () => {
  await using directory = await temporaryDirectory();
  await using store = await openApart(join(directory.path, "x.db"));
  let [appended, inThisTurn, most] = [0, 0, 0];
  const turn = (): void => {
    most = Math.max(most, inThisTurn);
    inThisTurn = 0;
    if (appended < 20_000) setImmediate(turn);
  };
  setImmediate(turn);
  const writing = async (): Promise<void> => {
    while (appended < 20_000) {
      appended += 1;
      await store.log.append(anEvent(crypto.randomUUID()));
      inThisTurn += 1;
      // Longer than it takes to write it: the thread's next answer is there before this turn is over.
      for (const until = performance.now() + 0.02; performance.now() < until; );
    }
  };
  await Promise.all(Array.from({ length: 512 }, writing));
  // 256 events a transaction at most.
  expect(most).toBeLessThanOrEqual(256);
});
