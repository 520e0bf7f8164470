import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { type Consumer, NexusError, sqliteStore } from "nexus-event-system";
import { createClient } from "nexus-event-system/client";
import { expect, test } from "vitest";
import { Command, jsonLines, nexus } from "../cli/nexus.ts";
import { Peer } from "../http/fixtures/peer.ts";
import { type Site, serve } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";
import { temporaryDirectory } from "../log/places.ts";
import { ERAS, Line } from "../mcp/fixtures/wire.ts";
import { change, overwritePage, pagesOf } from "./damage.ts";
import { busyApp, use } from "./fixtures/busy.ts";

/** Runs the command; what it said, as JSON. */
async function restore(from: string, file: string): Promise<readonly [code: number | null, said: any]> {
  const { code, stdout } = await nexus(["restore", from, "--db", file, "--output", "json"]);
  return [code, jsonLines(stdout)[0]];
}

async function backup(file: string, to: string): Promise<any> {
  const { code, stdout } = await nexus(["backup", to, "--db", file, "--output", "json"]);
  expect(code).toBe(0);
  return jsonLines(stdout)[0];
}

/** What a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<object> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!NexusError.is(error)) throw new Error("it was not refused", { cause: error });
  return { ...error.details, code: error.code };
}

/** What each way to name a place answers to one, on every channel. */
async function refusals({ app, url }: Site, rewound: Consumer, after: string): Promise<Record<string, any>> {
  const at = encodeURIComponent(after);
  const get = async (path: string): Promise<any> => await (await fetch(url + path)).json();
  const streamed = async (path: string, headers: Record<string, string> = {}): Promise<any> => {
    await using stream = await Stream.open(url + path, headers);
    return (await stream.next("resume")).data;
  };
  const said: Record<string, any> = {
    "GET /events": await get(`/events?after=${at}`),
    "GET /events/poll": await get(`/events/poll?waitMs=0&after=${at}`),
    "GET /runs": await get(`/runs?after=${at}`),
    "GET /events/stream": await streamed(`/events/stream?after=${at}`),
    "Last-Event-ID": await streamed("/events/stream", { "last-event-id": after }),
    "in process": await refusal(app.getEvents({ after })),
    "for await": await refusal(app.subscribe({ after }).ready),
    "a consumer": await refusal(rewound.rewind(after)),
  };
  await using peer = await Peer.open(url);
  said["WebSocket"] = await peer.ask({ op: "subscribe", id: "1", after });
  await using client = createClient({ url });
  said["the client"] = await refusal(client.getEvents({ after }));
  for (const era of ERAS) {
    const line = await Line.open(url, era);
    for (const [tool, args] of [
      ["nexus_list_events", { after }],
      ["nexus_wait_for_events", { cursor: after, waitMs: 0 }],
    ] as const)
      said[`${tool}, ${era}`] = JSON.parse((await line.call(tool, args)).message.result.content[1].text);
  }
  const listed = await nexus(["events", "list", "--after", after, "--output", "json"], { url });
  said["nexus events list"] = jsonLines(listed.stdout)[0];
  return said;
}

test("[log.6] [app.9] after a restore every cursor from before is refused, in words and on every channel, also one whose event the backup holds", async () => {
  await using directory = await temporaryDirectory();
  const [file, to] = [join(directory.path, "nexus.db"), join(directory.path, "backup.db")];
  const cursors: string[] = [];
  {
    await using site = await serve({ store: sqliteStore(file) });
    for (let n = 0; n < 3; n++) cursors.push((await site.app.emitEvent("n", { n })).cursor);
    await backup(file, to);
    cursors.push((await site.app.emitEvent("n", { n: 3 })).cursor);
  }
  const [code, said] = await restore(to, file);
  expect([code, said.events, said.faults, said.runs]).toEqual([0, 3, [], []]);
  await using site = await serve({ store: sqliteStore(file) });
  const rewound = site.app.consumer("rewound", {}, () => {});
  const { events } = await site.app.getEvents({ after: "earliest", type: "n" });
  expect(events.map(({ data }) => data)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  expect(events.at(-1)?.cursor).toBe(said.cursor);
  // As many as there were, and one more: the place is there again, and another event before it.
  for (let n = 0; n < 2; n++) await site.app.emitEvent("n", { n });
  const [epoch] = said.cursor.split(".");
  for (const cursor of cursors) {
    expect(cursor.startsWith(epoch)).toBe(false);
    for (const [channel, told] of Object.entries(await refusals(site, rewound, cursor))) {
      const isPushed = told.recovered !== undefined;
      expect([channel, told.recovered ?? told.code, told.reason, told.earliest]).toEqual([
        channel,
        isPushed ? false : "CURSOR_UNKNOWN",
        "unknown",
        `${epoch}.0`,
      ]);
      if (!isPushed && told.detail !== undefined) expect(told.detail).toContain("another history");
    }
  }
});

test("[app.9] what a backup holds goes on where it was: runs are named and taken up, consumers stand where they stood, what came later is not there", async () => {
  await using directory = await temporaryDirectory();
  const [file, to] = [join(directory.path, "nexus.db"), join(directory.path, "backup.db")];
  const delivered: number[] = [];
  const deliver = (n: number): void => {
    if (n === 4) throw new Error("not that one");
    delivered.push(n);
  };
  const { app, billing } = busyApp(file, deliver);
  await app.start({ listen: false });
  const { runId, sessionId } = await use(app);
  await app.waitForEvent("consumer.dead_lettered", { after: "earliest", timeoutMs: 20_000 });
  for (;;) {
    const { lag } = await billing.status();
    if (lag === 0) break;
    await setImmediate();
  }
  await backup(file, to);
  const { runId: later } = await app.startRun("waiting", { card: "4712" });
  await app.emitEvent("order.paid", { n: 10 });
  while (!delivered.includes(10)) await setImmediate();
  await app.stop({ deadlineMs: 0 });

  const [code, said] = await restore(to, file);
  expect([code, said.from, said.faults, said.runs]).toEqual([0, to, [], [{ runId, workflowName: "waiting" }]]);
  expect((await nexus(["verify", "--db", file])).code).toBe(0);
  delivered.length = 0;
  const again = busyApp(file, deliver);
  await again.app.start({ listen: false });
  await expect(again.app.runs.get(later)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  expect((await again.app.sessions.get(sessionId)).data).toEqual({ theme: "dark" });
  const letters: any = await (await again.app.fetch(new Request("http://localhost/dead-letters"))).json();
  expect(letters.deadLetters.map(({ consumer, type }: any) => [consumer, type])).toEqual([["billing", "order.paid"]]);
  await again.app.emitEvent("order.paid", { n: 11 });
  await again.app.emitEvent("go", { n: 1 });
  const { result } = (await again.app.waitForEvent("workflow.completed", { runId, after: "earliest", timeoutMs: 20_000 })) as any;
  expect(result).toEqual({ went: 1 });
  while (!delivered.includes(11)) await setImmediate();
  // The one of after the backup is not there to be delivered; those of before are through.
  expect(delivered).toEqual([11]);
  await again.app.stop();
  expect((await nexus(["verify", "--db", file])).code).toBe(0);
});

test("[app.9] nothing is replaced while a server runs, by what is damaged, not there, or the file itself; then all is as it was", async () => {
  await using directory = await temporaryDirectory();
  const [file, to] = [join(directory.path, "nexus.db"), join(directory.path, "backup.db")];
  {
    await using site = await serve({ store: sqliteStore(file) });
    await Promise.all(Array.from({ length: 300 }, (_, n) => site.app.emitEvent("n", { n, text: "x".repeat(400) })));
    await backup(file, to);
    const [code, said] = await restore(to, file);
    expect([code, said.code, said.pid]).toEqual([1, "STORE_LOCKED", process.pid]);
  }
  const before = readFileSync(file);
  const damaged = join(directory.path, "damaged.db");
  for (const damage of [
    (each: string) => overwritePage(each, Math.floor(pagesOf(each) / 2)),
    (each: string) => change(each, "DELETE FROM events WHERE sequence = 100"),
    (each: string) =>
      change(
        each,
        "INSERT INTO state VALUES ('consumers/x', '{\"cursor\":\"0000000000.1\"}', 1) ON CONFLICT DO UPDATE SET value = excluded.value",
      ),
  ]) {
    copyFileSync(to, damaged);
    damage(damaged);
    const [code, said] = await restore(damaged, file);
    expect([code, said.code]).toEqual([1, "STORE_DAMAGED"]);
  }
  expect((await restore(file, file))[1]).toMatchObject({ code: "OPTION_INVALID" });
  expect((await restore(join(directory.path, "none.db"), file))[0]).toBe(2);
  const other = join(directory.path, "other.db");
  writeFileSync(other, "");
  change(other, "CREATE TABLE theirs (n)");
  expect((await restore(to, other))[1]).toMatchObject({ code: "OPTION_INVALID" });
  expect((await restore(other, file))[1]).toMatchObject({ code: "OPTION_INVALID" });
  expect(readFileSync(file).equals(before)).toBe(true);
  expect(readdirSync(directory.path).filter((name) => /partial|replaced/.test(name))).toEqual([]);
});

test("[app.9] the file that was there is kept, whole; also one that is damaged, with its write-ahead log", async () => {
  await using directory = await temporaryDirectory();
  const [file, to] = [join(directory.path, "nexus.db"), join(directory.path, "backup.db")];
  {
    await using site = await serve({ store: sqliteStore(file) });
    await site.app.emitEvent("n", {});
    await backup(file, to);
    await site.app.emitEvent("n", {});
  }
  const [, first] = await restore(to, file);
  expect((await nexus(["verify", "--db", first.kept, "--output", "json"])).stdout).toContain('"events":2');
  writeFileSync(file, Buffer.concat([Buffer.from("no database"), readFileSync(file)]));
  writeFileSync(`${file}-wal`, "no log");
  const [code, second] = await restore(to, file);
  expect(code).toBe(0);
  expect([readFileSync(second.kept, "utf8").slice(0, 11), readFileSync(`${second.kept}-wal`, "utf8")]).toEqual(["no database", "no log"]);
  expect((await nexus(["verify", "--db", file])).code).toBe(0);
  // Where nothing was, nothing is kept.
  const [, third] = await restore(to, join(directory.path, "new/nexus.db"));
  expect(third.kept).toBeUndefined();
  expect(statSync(to).mode).toBe(statSync(file).mode);
  // Each is a log of its own.
  expect(new Set([first, second, third].map(({ cursor }) => cursor.split(".")[0])).size).toBe(3);
});

test("[app.9] kill -9 while it restores: the file that was there is there, and the next one clears away what is left", async () => {
  await using directory = await temporaryDirectory();
  const [file, to] = [join(directory.path, "nexus.db"), join(directory.path, "backup.db")];
  {
    await using site = await serve({ store: sqliteStore(file, { sync: "normal" }) });
    await Promise.all(Array.from({ length: 20_000 }, (_, n) => site.app.emitEvent("n", { n, text: "x".repeat(400) })));
    await backup(file, to);
    await site.app.emitEvent("after", {});
  }
  const partial = (): boolean => readdirSync(directory.path).some((name) => name.endsWith(".partial"));
  {
    await using command = new Command(["restore", to, "--db", file]);
    while (!partial()) await setImmediate();
    command.signal("SIGKILL");
    expect((await command.ended).code).toBeNull();
  }
  {
    await using site = await serve({ store: sqliteStore(file) });
    expect((await site.app.getEvents({ type: "after", after: "earliest" })).events.length).toBe(1);
  }
  const { code, stdout } = await nexus(["restore", to, "--db", file]);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^✔ .*nexus\.db {2}20,000 events, 1 to 20000, .* restored from .*backup\.db in .*\n {2}the file that was there is .*\.replaced-/,
  );
  expect([partial(), existsSync(`${file}-wal`)]).toEqual([false, false]);
});
