import fc from "fast-check";
import { expect, test } from "vitest";
import type { Followed, FollowOptions } from "../../src/client/follow.ts";
import { remote } from "../../src/client/remote.ts";
import { sseParser } from "../../src/client/sse.ts";
import { NexusError } from "../../src/errors.ts";
import { checkpointFrame, cut, eventFrame, problemFrame, resumeFrame, type Script, scripted, stream } from "./scripted.ts";

const START = resumeFrame("abcdefghij.0", 20);

/** Follows until so many things of a kind have been told. */
async function told(url: string, kind: Followed["kind"], count: number, options: FollowOptions = {}): Promise<Followed[]> {
  const all: Followed[] = [];
  for await (const next of remote(url).follow({}, { random: () => 0.5, ...options })) {
    all.push(next);
    if (all.filter((one) => one.kind === kind).length === count) break;
  }
  return all;
}

const sequencesOf = (all: readonly Followed[]): number[] => all.flatMap((one) => (one.kind === "event" ? [one.event.sequence] : []));

test("[subscription.2] a lost connection goes on after the last event, and after the last checkpoint", async () => {
  await using server = await scripted(
    cut(START + eventFrame(1) + eventFrame(2)),
    cut(resumeFrame("abcdefghij.2", 20) + checkpointFrame("abcdefghij.9")),
    cut(resumeFrame("abcdefghij.9", 20) + eventFrame(10)),
  );
  const all = await told(server.url, "event", 3);
  expect(sequencesOf(all)).toEqual([1, 2, 10]);
  expect(server.asked).toEqual([null, "abcdefghij.2", "abcdefghij.9"]);
  expect(all.flatMap((one) => (one.kind === "resume" ? [one.again] : []))).toEqual([false, true, true]);
});

test("[subscription.2] a connection that is lost before the first event keeps the place it had", async () => {
  await using server = await scripted(cut(resumeFrame("abcdefghij.7", 1)), cut(resumeFrame("abcdefghij.7", 1) + eventFrame(8)));
  await told(server.url, "event", 1);
  expect(server.asked).toEqual([null, "abcdefghij.7"]);
});

test("[subscription.2] an event whose frame was cut off is told once, when it comes whole", async () => {
  await using server = await scripted(
    cut(START + eventFrame(1) + eventFrame(2).slice(0, -1)),
    cut(resumeFrame("abcdefghij.1", 20) + eventFrame(2)),
  );
  expect(sequencesOf(await told(server.url, "event", 2))).toEqual([1, 2]);
  expect(server.asked).toEqual([null, "abcdefghij.1"]);
});

test("[subscription.1] a place that is lost is told, and what follows goes on from the new one", async () => {
  await using server = await scripted(
    cut(START + eventFrame(5)),
    cut(resumeFrame("zyxwvutsrq.3", 20, false)),
    cut(resumeFrame("zyxwvutsrq.3", 20)),
  );
  const all = await told(server.url, "resume", 3);
  expect(server.asked).toEqual([null, "abcdefghij.5", "zyxwvutsrq.3"]);
  expect(all.filter((one) => one.kind === "resume")[1]).toMatchObject({ recovered: false, reason: "unknown", again: true });
});

test("the wait before each try is jittered, grows with failures, and begins anew when the server is back", async () => {
  const busy: Script = (response) => void response.writeHead(503).end();
  await using server = await scripted(cut(resumeFrame("abcdefghij.0", 4)), busy, busy, cut(resumeFrame("abcdefghij.0", 4)));
  const all = await told(server.url, "lost", 4);
  expect(all.flatMap((one) => (one.kind === "lost" ? [one.delayMs] : []))).toEqual([2, 4, 8, 2]);
});

test("[subscription.7] a retryable problem is waited out for as long as the server says", async () => {
  await using server = await scripted(cut(START + problemFrame("SERVER_STOPPING", true, 37)), cut(START + eventFrame(1)));
  const all = await told(server.url, "event", 1);
  const lost = all.find((one) => one.kind === "lost");
  expect(lost).toMatchObject({ delayMs: 37, error: { code: "SERVER_STOPPING", message: "in so many words" } });
});

test.each(["CURSOR_EXPIRED", "SOMETHING_NEWER"])("a problem that is not retryable ends the stream with its error: %s", async (code) => {
  await using server = await scripted(cut(START + problemFrame(code, false)));
  const following = told(server.url, "lost", 1);
  await expect(following).rejects.toThrow("in so many words");
  await expect(following).rejects.toSatisfy((error) => NexusError.is(error));
  expect(server.asked).toHaveLength(1);
});

test("a connection that falls silent is lost; one whose events are not taken is not", async () => {
  await using silent = await scripted((response) => stream(response, START));
  expect((await told(silent.url, "lost", 1, { silenceMs: 60 })).map((one) => one.kind)).toEqual(["resume", "lost"]);
  await using slow = await scripted((response) => stream(response, START + eventFrame(1) + eventFrame(2)));
  const kinds: string[] = [];
  for await (const next of remote(slow.url).follow({}, { silenceMs: 60 })) {
    kinds.push(next.kind);
    await new Promise((resolve) => setTimeout(resolve, 90));
    if (kinds.length === 3) break;
  }
  expect(kinds).toEqual(["resume", "event", "event"]);
});

test("a server that never answered is an error, unless it is known to be there", async () => {
  const gone = await scripted(() => {});
  await gone[Symbol.asyncDispose]();
  await expect(told(gone.url, "lost", 1)).rejects.toMatchObject({ code: "SERVER_UNREACHABLE", details: { url: gone.url } });
  expect(await told(gone.url, "lost", 1, { known: true })).toMatchObject([{ kind: "lost", error: { code: "SERVER_UNREACHABLE" } }]);
});

test("an aborted signal ends the loop quietly, also while it waits to try again", async () => {
  await using server = await scripted(cut(resumeFrame("abcdefghij.0", 600_000)));
  const leaving = new AbortController();
  const kinds: string[] = [];
  for await (const next of remote(server.url).follow({}, { signal: leaving.signal, random: () => 0.5 })) {
    kinds.push(next.kind);
    if (next.kind === "lost") setImmediate(() => leaving.abort());
  }
  expect(kinds).toEqual(["resume", "lost"]);
});

test("frames are the same however the stream is cut into pieces, and whatever ends its lines", () => {
  const text =
    ': a comment\nretry: 25\nid: c.1\nevent: resume\ndata: {"a":1}\n\ndata: first\ndata:second\nunknown: x\n\nid: c.2\n\nevent: nothing\n\ndata\n\n';
  const frames = [
    { event: "resume", data: '{"a":1}', id: "c.1", retryMs: 25 },
    { event: "message", data: "first\nsecond" },
    { event: "message", data: "" },
  ];
  fc.assert(
    fc.property(fc.constantFrom("\n", "\r\n", "\r"), fc.array(fc.nat(200)), (end, cuts) => {
      const whole = text.replaceAll("\n", end);
      const places = [0, ...cuts.filter((place) => place < whole.length).sort((a, b) => a - b), whole.length];
      const parse = sseParser();
      const read = places.slice(1).flatMap((place, i) => parse(whole.slice(places[i], place)));
      // A CR at the very end may be half of a CRLF, so what it ends is known with the next piece.
      expect([...read, ...parse(": more\n")]).toEqual(frames);
    }),
  );
});
