import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { answer, COUNTED, counted, emit, noticesOf, numbersOf, TOOLS } from "./fixtures/asking.ts";
import type { Notice } from "./fixtures/clients.ts";
import { HOSTS, type Start, WAYS, type Way } from "./fixtures/stdio.ts";

const GUARDED = fileURLToPath(new URL("fixtures/stdio-guarded-app.ts", import.meta.url));

const ROWS = Object.entries(WAYS).flatMap(([way, open]) => Object.entries(HOSTS).map(([client, start]) => ({ way, client, open, start })));

describe.each(ROWS)("$way, $client", ({ open, start }) => {
  test("[mcp.1] lists the tools and runs a workflow, in the name of whoever started it", async () => {
    await using way = await open();
    await using host = await start(way);
    expect((await host.tools()).map(({ name }) => name)).toEqual(TOOLS);
    const run = await answer(host, "run_workflow", { workflow: "printing" });
    expect(run).toMatchObject({ status: "completed", result: { printed: 4 } });
    const { events } = await answer(host, "list_run_events", { runId: run.runId });
    expect(events.map(({ type, channel, userId }: any) => [type, channel, userId])).toEqual([
      ["workflow.started", "mcp", "local"],
      ["workflow.completed", "mcp", "local"],
    ]);
  });

  test("[mcp.2] [mcp.3] a wait that is cancelled loses nothing, and the connection goes on", async () => {
    await using way = await open();
    await using host = await start(way);
    const { cursor } = await emit(host, 1);
    const leaving = new AbortController();
    const left = answer(
      host,
      "wait_for_events",
      { cursor, filter: COUNTED },
      { signal: leaving.signal, onprogress: () => leaving.abort() },
    );
    await expect(left).rejects.toThrow();
    for (const n of [2, 3]) await emit(host, n);
    expect(await counted(host, cursor, 2)).toEqual([2, 3]);
  });

  test("[mcp.2] [mcp.8] a process that is killed in the middle of a wait misses nothing: the next one goes on from the cursor", async () => {
    await using way = await open();
    const host = await start(way);
    const { cursor } = await emit(host, 1);
    await emit(host, 2);
    const heard = await answer(host, "wait_for_events", { cursor, filter: COUNTED });
    expect(numbersOf(heard)).toEqual([2]);
    const waiting = answer(host, "wait_for_events", { cursor: heard.cursor, filter: COUNTED }, { onprogress: () => host.kill() });
    await expect(waiting).rejects.toThrow();
    await using next = await start(way);
    for (const n of [3, 4]) await emit(next, n);
    expect(await counted(next, heard.cursor, 2)).toEqual([3, 4]);
  });

  test("[mcp.4] events/stream gives each event once from a cursor on, until it is cancelled", async () => {
    await using way = await open();
    await using host = await start(way);
    const notices = noticesOf(host);
    const { cursor } = await emit(host, 1);
    await emit(host, 2);
    const { streams } = await answer(host, "get_health");
    const leaving = new AbortController();
    const streaming = host.ask("events/stream", { name: "nexus.event", arguments: COUNTED, cursor }, { signal: leaving.signal });
    const ended = expect(streaming).rejects.toThrow();
    await notices.until(({ method }) => method === "notifications/events/event");
    await emit(host, 3);
    await notices.until(({ params }) => params?.data?.data?.n === 3);
    leaving.abort();
    await ended;
    // In front of a server, it knows a little later.
    while ((await answer(host, "get_health")).streams > streams);
    await emit(host, 4);
    await answer(host, "get_health");
    const told = notices.all.filter(({ method }) => method.startsWith("notifications/events/"));
    expect(told.map(({ method, params }) => [method.split("/").at(-1), params.data?.data.n])).toEqual([
      ["active", undefined],
      ["event", 2],
      ["event", 3],
    ]);
  });

  test("[mcp.5] whoever watches a resource hears that it changed", async () => {
    await using way = await open();
    await using host = await start(way);
    const notices = noticesOf(host);
    await host.listen(["nexus://events"]);
    await emit(host, 1);
    const { params } = await notices.until(({ method }) => method === "notifications/resources/updated");
    expect(params.uri).toBe("nexus://events");
  });
});

describe.each(ROWS.filter(({ client }) => client !== "2026-07-28"))("$way, $client", ({ open, start }) => {
  test("[mcp.5] a broadcast is shown as a log message", async () => {
    await using way = await open();
    await using host = await start(way);
    const notices = noticesOf(host);
    const isShown = (): Notice | undefined => notices.all.find(({ method }) => method === "notifications/message");
    // In front of a server, the stream for it opens a little after the connection.
    while (isShown() === undefined) await answer(host, "emit_event", { type: "maintenance", data: { at: "noon" }, broadcast: true });
    expect(isShown()?.params).toMatchObject({ level: "notice", data: { type: "maintenance", broadcast: true, data: { at: "noon" } } });
  });
});

test("[access.2] [mcp.8] where callers must sign in, whoever starts the app is the user local, and may do everything", async () => {
  await using folder = await (WAYS["nexus mcp --app"] as () => Promise<Way>)();
  await using host = await (HOSTS["2025-11-25"] as Start)({ ...folder, args: ["mcp", "--app", GUARDED] });
  expect(await host.tools()).toHaveLength(TOOLS.length);
  const receipt = await answer(host, "emit_event", { type: "a", data: {}, broadcast: true });
  const { events } = await answer(host, "list_events");
  expect(events.at(-1)).toMatchObject({ ...receipt, userId: "local", channel: "mcp" });
  expect(await answer(host, "get_health")).toMatchObject({ status: "ok" });
});
