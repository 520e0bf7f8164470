import { expect, test } from "vitest";
import { Served } from "../cli/served.ts";
import { type Agent, CLIENTS, type ToolAnswer } from "./fixtures/clients.ts";

/** When the server dies: while nothing has come, in the tenth of a second after something has, while something comes. */
const MOMENTS = ["nothing has come", "something has come", "something comes"] as const;

test.each(Object.entries(CLIENTS))(
  "[mcp.2] %s: the server is killed in the middle of a wait, again and again, and whoever goes on from the cursor gets each event once, in order",
  async (_client, connect) => {
    await using server = await Served.open();
    let written = 0;
    // A number has one id, however often it is sent.
    const write = async (n: number): Promise<any> => await server.post("/events", { type: "count", data: n, id: `count-${n}` });
    let { cursor } = await write(written++);
    const got: unknown[] = [];
    const take = ({ structuredContent }: ToolAnswer): void => {
      got.push(...structuredContent.events.map(({ data }: any) => data));
      cursor = structuredContent.cursor;
    };
    const wait = (agent: Agent, waitMs: number, onprogress: () => void): Promise<ToolAnswer> =>
      agent.call("nexus_wait_for_events", { cursor, filter: { type: "count" }, waitMs }, { onprogress });
    for (const moment of MOMENTS) {
      await using agent = await connect(server.url);
      const call = Promise.withResolvers<void>();
      // Whichever comes first, its answer or its loss.
      const ended = wait(agent, 50_000, call.resolve).then(take, () => {});
      await call.promise;
      const n = written++;
      if (moment === "something has come") await write(n);
      const coming = moment === "something comes" ? write(n).catch(() => {}) : undefined;
      await server.kill();
      await Promise.all([ended, coming]);
      await server.start();
      await write(n);
      await using next = await connect(server.url);
      while (got.at(-1) !== n) take(await wait(next, 50_000, () => {}));
    }
    await write(written++);
    await using last = await connect(server.url);
    while (got.at(-1) !== written - 1) take(await wait(last, 50_000, () => {}));
    expect(got).toEqual(Array.from({ length: written - 1 }, (_, n) => n + 1));
  },
);
