import assert from "node:assert/strict";
import { NexusError } from "../../errors.ts";
import { anEvent, type Body } from "./subject.ts";

/** Opening and closing. */
export function openingCases(exclusive: boolean): Readonly<Record<string, Body>> {
  return {
    "[log.1] closing twice is closing once": async (subject) => {
      await subject.log.append(anEvent());
      await subject.close();
      await subject.close();
      await subject.reopen();
      assert.equal((await subject.all()).length, 1);
    },
    ...(exclusive && {
      "[log.11] who opens what is open gets STORE_LOCKED naming the holder, who goes on; once it is closed, it opens": async (subject) => {
        const second = subject.another();
        await assert.rejects(
          second.open({ now: Date.now }),
          (error) => NexusError.is(error, "STORE_LOCKED") && error.details.pid === process.pid,
        );
        assert.equal((await subject.log.append(anEvent())).sequence, 1);
        await subject.close();
        const opened = await second.open({ now: Date.now });
        assert.equal((await opened.log.head()).sequence, 1);
        await opened[Symbol.asyncDispose]();
      },
    }),
  };
}
