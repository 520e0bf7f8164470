import { memoryStore, Nexus } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { Command } from "../cli/nexus.ts";
import { Served } from "../cli/served.ts";
import { answer, COUNTED, counted, emit, noticesOf } from "./fixtures/asking.ts";
import { APP, HOSTS, inFrontOf } from "./fixtures/stdio.ts";

const INITIALIZE = {
  jsonrpc: "2.0",
  id: "first",
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1.0.0" } },
};

describe.each(Object.entries(HOSTS))("%s", (_client, start) => {
  test("[mcp.2] [mcp.8] a server that dies in the middle of a wait is told, and nothing is missed once it is back", async () => {
    await using served = await Served.open(APP);
    await using host = await start(inFrontOf(served));
    const { cursor } = await emit(host, 1);
    const waiting = answer(host, "wait_for_events", { cursor, filter: COUNTED }, { onprogress: () => void served.kill() });
    await expect(waiting).rejects.toMatchObject({
      code: -32603,
      message: expect.stringMatching(/^.*SERVER_UNREACHABLE: .* from the same cursor misses nothing/),
      data: { code: "SERVER_UNREACHABLE", retryable: true, url: served.url },
    });
    await served.kill();
    await expect(emit(host, 2)).rejects.toMatchObject({ data: { code: "SERVER_UNREACHABLE" } });
    await served.start();
    for (const n of [3, 4]) await emit(host, n);
    expect(await counted(host, cursor, 2)).toEqual([3, 4]);
  });

  test("[mcp.8] what the server refuses is an error with the problem; the key of the command line is what it knows callers by", async () => {
    await using server = await signedIn();
    await expect(start({ args: ["mcp", "--url", server.url], env: {} })).rejects.toThrow("UNAUTHENTICATED");
    await using host = await start({ args: ["mcp", "--url", server.url], env: { NEXUS_API_KEY: "the-key" } });
    const { runs } = await answer(host, "list_runs");
    expect(runs).toEqual([]);
    await expect(answer(host, "emit_event", { type: "a", data: {} })).rejects.toThrow("FORBIDDEN");
  });

  test("[mcp.8] what the server refuses before it knows what it is, is the error of just that request", async () => {
    await using served = await Served.open(APP);
    await using host = await start(inFrontOf(served));
    const large = answer(host, "emit_event", { type: "a", data: { text: "x".repeat(2 * 1024 * 1024) } });
    await expect(large).rejects.toThrow("The body is larger than 1048576 bytes.");
  });

  test("[mcp.8] names that no header can carry as they are arrive as they are", async () => {
    await using served = await Served.open(APP);
    await using host = await start(inFrontOf(served));
    const asked = host.ask("resources/read", { uri: "nexus://runs/価格" });
    await expect(asked).rejects.toMatchObject({ data: { uri: encodeURI("nexus://runs/価格") } });
    for (const name of ["価格", " spaced ", "=?base64?bmV4dXM=?="])
      await expect(host.ask("tools/call", { name, arguments: {} })).rejects.toThrow(`There is no tool ${JSON.stringify(name)}`);
  });
});

describe.each(Object.entries(HOSTS).slice(1))("%s", (_client, start) => {
  test("[mcp.5] [mcp.8] what it watched it watches again when the server is back", async () => {
    await using served = await Served.open(APP);
    await using host = await start(inFrontOf(served));
    const notices = noticesOf(host);
    const updated = (): number => notices.all.filter(({ method }) => method === "notifications/resources/updated").length;
    await host.listen(["nexus://events"]);
    await emit(host, 1);
    await notices.until(() => updated() > 0);
    await served.kill();
    await served.start();
    // While it was away anything may have changed.
    await notices.until(({ method }) => method === "notifications/tools/list_changed");
    await notices.until(() => updated() > 1);
    const before = updated();
    await emit(host, 2);
    await notices.until(() => updated() > before);
  });
});

test("[mcp.8] a server that is not there is told as an error of each request, and asked when it is", async () => {
  await using served = await Served.open(APP);
  await served.kill();
  await using command = new Command(["mcp"], { url: served.url });
  command.type(`${JSON.stringify(INITIALIZE)}\n`);
  await command.until(() => command.values.length === 1, "an answer");
  expect(command.values[0]).toMatchObject({ id: "first", error: { data: { code: "SERVER_UNREACHABLE" } } });
  await served.start();
  command.type(`${JSON.stringify({ ...INITIALIZE, id: 2 })}\n`);
  await command.until(() => command.values.length === 2, "another answer");
  expect(command.values[1]).toMatchObject({ id: 2, result: { protocolVersion: "2025-11-25" } });
});

test("[mcp.8] something that is no Nexus server is told apart from one that is not there", async () => {
  const { createServer } = await import("node:http");
  const other = createServer((_request, response) => response.end("<html>")).listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  try {
    await using command = new Command(["mcp"], { url: `http://127.0.0.1:${(other.address() as { port: number }).port}` });
    command.type(`${JSON.stringify(INITIALIZE)}\n`);
    await command.until(() => command.values.length === 1, "an answer");
    expect(command.values[0].error.data).toMatchObject({ code: "PROTOCOL_INVALID" });
  } finally {
    other.close();
  }
});

/** A server that knows one caller, who may look. */
async function signedIn(): Promise<AsyncDisposable & { readonly url: string }> {
  const app = new Nexus({
    store: memoryStore(),
    auth: {
      authenticate: ({ headers }) =>
        headers.get("authorization") === "Bearer the-key" ? { userId: "ann", scopes: ["workflows:read", "events:read"] } : undefined,
    },
  });
  const { url = "" } = await app.start({ port: 0 });
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      await app.stop({ deadlineMs: 0 });
    },
  };
}
