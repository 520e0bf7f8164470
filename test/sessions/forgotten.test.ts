import { describe, expect, test } from "vitest";
import { failure, STORES } from "../workflows/scene.ts";
import { testClock } from "../workflows/test-clock.ts";

describe.each(STORES)("on %s", (_name, open) => {
  test("[session.4] a session whose events the log has let go goes on, also in the next process", async () => {
    await using place = await open();
    const clock = testClock();
    const options = { clock, retention: { maxEvents: 5 } };
    let app = await place.start(options);
    const { id, cursor } = await app.sessions.create({ userId: "ann", data: { n: 1 }, ttlMs: 24 * 3_600_000 });
    await app.sessions.update(id, { m: 2 });
    const letGo = async (): Promise<void> => {
      for (let gone = false; !gone; ) {
        clock.advance(2_000);
        for (let n = 0; n < 10; n++) await app.emitEvent("filler", {});
        gone = (await failure(app.getEvents({ after: cursor }))) === "CURSOR_EXPIRED";
        gone &&= (await app.getEvents({ type: "session.*" })).events.length === 0;
      }
    };
    await letGo();
    expect((await app.sessions.update(id, { o: 3 })).data).toEqual({ n: 1, m: 2, o: 3 });
    await letGo();
    await place.crash();
    app = await place.start(options);
    expect(await app.sessions.get(id)).toMatchObject({ userId: "ann", data: { n: 1, m: 2, o: 3 } });
    expect((await app.sessions.update(id, { n: null })).data).toEqual({ m: 2, o: 3 });
    expect((await app.sessions.end(id)).ended).toBe("ended");
    await letGo();
    // Nothing is left that tells of it.
    expect(await failure(app.sessions.get(id))).toBe("SESSION_NOT_FOUND");
  });
});
