import { join } from "node:path";
import { expect, test } from "vitest";
import type { Log } from "../../src/log/log.ts";
import { tunedSqliteStore } from "../../src/stores/sqlite/store.ts";
import { DEFAULTS } from "../../src/stores/sqlite/tuning.ts";
import { temporaryDirectory } from "./places.ts";

for (const [dies, when] of [
  ["at-start", "as it starts"],
  ["before", "before it has written what it was given"],
  ["after", "when it has written it, and not said so"],
]) {
  test(`[log.9] a thread that ends ${when}: each append is answered and recorded once, and a warning says that it is gone`, async () => {
    await using directory = await temporaryDirectory();
    const writer = new URL(`./fixtures/dying-writer.ts?dies=${dies}`, import.meta.url);
    await using store = tunedSqliteStore(join(directory.path, "x.db"), "full", { ...DEFAULTS, indexEvery: 20, apartFrom: 1, writer });
    const { log } = await store.open({ now: Date.now });
    let warning: unknown;
    process.once("warning", (given) => (warning = given));
    const answered: [string, number][] = [];
    while (warning === undefined) answered.push(...(await appendTen(log)));
    answered.push(...(await appendTen(log)));
    expect(warning).toMatchObject({ code: "NEXUS_WRITER" });
    expect(answered.map(([, sequence]) => sequence)).toEqual(answered.map((_, n) => n + 1));
    const there: [string, number][] = [];
    for (let after = 0; after < answered.length; after += 1000)
      there.push(...(await log.read({ after, limit: 1000 })).events.map(({ id, sequence }): [string, number] => [id, sequence]));
    expect(there).toEqual(answered);
  });
}

/** In one turn, and so in one transaction. @returns the id and sequence of each. */
async function appendTen(log: Log): Promise<[string, number][]> {
  const appended = Array.from({ length: 10 }, () =>
    log.append({ id: crypto.randomUUID(), type: "thing", channel: "app", source: "test/abc123", visibility: "operators", data: null }),
  );
  return (await Promise.all(appended)).map(({ id, sequence }) => [id, sequence]);
}
