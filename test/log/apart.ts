import { once } from "node:events";
import { BroadcastChannel } from "node:worker_threads";
import type { NewEvent } from "../../src/events/event.ts";
import type { Log } from "../../src/log/log.ts";
import type { OpenStore } from "../../src/log/store.ts";
import { tunedSqliteStore } from "../../src/stores/sqlite/store.ts";
import { DEFAULTS, type Tuning } from "../../src/stores/sqlite/tuning.ts";

export interface ApartStore extends OpenStore {
  /** The next addition that the thread is given. */
  given(): Promise<void>;
}

/** A store whose appends the thread writes: it has begun to. @param tuning other measures than those of the tests of that thread. */
export async function openApart(file: string, tuning: Tuning = { ...DEFAULTS, apartFrom: 1 }): Promise<ApartStore> {
  const writer = new URL("./fixtures/telling-writer.ts", import.meta.url);
  const opened = await tunedSqliteStore(file, "full", { ...tuning, writer }).open({ now: Date.now });
  const heard = new BroadcastChannel(file);
  const given = async (): Promise<void> => void (await once(heard, "message"));
  let begun = false;
  const begins = given().then(() => (begun = true));
  while (!begun) await appendTen(opened.log);
  await begins;
  return {
    ...opened,
    given,
    [Symbol.asyncDispose]: async () => {
      heard.close();
      await opened[Symbol.asyncDispose]();
    },
  };
}

export function anEvent(id: string): NewEvent {
  return { id, type: "thing", channel: "app", source: "test/abc123", visibility: "operators", data: null };
}

/** In one turn, and so in one transaction. @returns the id and sequence of each. */
export async function appendTen(log: Log): Promise<[string, number][]> {
  const appended = Array.from({ length: 10 }, () => log.append(anEvent(crypto.randomUUID())));
  return (await Promise.all(appended)).map(({ id, sequence }) => [id, sequence]);
}
