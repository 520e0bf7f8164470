import { EventSource } from "eventsource";
import { type Nexus, NexusError } from "nexus-event-system";
import { createClient } from "nexus-event-system/client";
import { Command } from "../cli/nexus.ts";
import { Peer } from "../http/fixtures/peer.ts";
import { type Agent, CLIENTS, type ToolAnswer } from "../mcp/fixtures/clients.ts";

export type FilterJson = Readonly<Record<string, string | readonly string[]>>;

/** What a reader is to read, and by which event it knows that this is all. */
export interface Reading {
  readonly app: Nexus;
  /** Where the server is; connections to it may be cut at any time. */
  readonly url: string;
  readonly filter: FilterJson;
  readonly after: string;
  readonly isLast: (event: any) => boolean;
  /** A whole number from 1 to the given one. */
  readonly upTo: (most: number) => number;
}

/** Reads to the last event, going on from its last cursor whenever it is cut off. @returns what it got, in the order it came. */
export type Reader = (reading: Reading) => Promise<any[]>;

export const READERS: Readonly<Record<string, Reader>> = {
  "in process": async ({ app, filter, after, isLast, upTo }) => {
    const events: any[] = [];
    for (let place = after; ; ) {
      const subscription = app.subscribe({ ...(filter as object), after: place });
      let left = upTo(60);
      for await (const event of subscription) {
        // As it is on the wire.
        events.push(JSON.parse(JSON.stringify(event)));
        if (isLast(event)) return events;
        if (--left === 0) break;
      }
      place = subscription.cursor;
    }
  },

  // By itself it says broadcast: include where no types are named.
  "the client": async ({ url, filter, after, isLast }) => {
    await using client = createClient({ url });
    const events: any[] = [];
    for await (const event of patiently(() => client.subscribe({ type: "*", ...(filter as object), after }))) {
      events.push(JSON.parse(JSON.stringify(event)));
      if (isLast(event)) break;
    }
    return events;
  },

  "event stream": ({ url, filter, after, isLast }) =>
    new Promise((resolve) => {
      const events: any[] = [];
      const source = new EventSource(`${url}/events/stream?${queryOf({ ...filter, after })}`);
      source.addEventListener("message", ({ data }) => {
        const event: unknown = JSON.parse(data);
        events.push(event);
        if (!isLast(event)) return;
        source.close();
        resolve(events);
      });
    }),

  WebSocket: async ({ url, filter, after, isLast }) => {
    const events: any[] = [];
    for (let place = after; ; ) {
      const peer = await Peer.open(url).catch(() => undefined);
      if (peer === undefined) continue;
      await using _peer = peer;
      peer.send({ op: "subscribe", id: "1", filter, after: place });
      for (;;) {
        const frame = await Promise.race([peer.next(), peer.closed]);
        if (frame.kind === "event") {
          events.push(frame.event);
          if (isLast(frame.event)) return events;
        }
        if (frame.kind === undefined) break;
        place = frame.event?.cursor ?? frame.cursor ?? place;
      }
    }
  },

  "long-poll": async ({ url, filter, after, isLast, upTo }) => {
    const events: any[] = [];
    for (let place = after; ; ) {
      const page = await answerOf(
        `${url}/events/poll?${queryOf({ ...filter, after: place, waitMs: String(upTo(500)), limit: String(upTo(30)) })}`,
      );
      if (page === undefined) continue;
      events.push(...page.events);
      if (page.events.some(isLast)) return upToLast(events, isLast);
      place = page.cursor;
    }
  },

  "GET /events, page by page": async ({ app, url, filter, after, isLast, upTo }) => {
    const events: any[] = [];
    for (let place = after; ; ) {
      const page = await answerOf(`${url}/events?${queryOf({ ...filter, after: place, limit: String(upTo(30)) })}`);
      if (page === undefined) continue;
      events.push(...page.events);
      if (page.events.some(isLast)) return upToLast(events, isLast);
      place = page.cursor;
      if (!page.hasMore) await app.waitForEvent("*", { after: place });
    }
  },

  "MCP, waiting": (reading) =>
    byAgents(reading, async (agent, cursor) => {
      const args = { cursor, filter: reading.filter, waitMs: reading.upTo(500), limit: reading.upTo(30) };
      return pageOf(await agent.call("nexus_wait_for_events", args));
    }),

  "MCP, page by page": (reading) =>
    byAgents(reading, async (agent, after) => {
      await reading.app.waitForEvent("*", { after });
      return pageOf(await agent.call("nexus_list_events", { after, filter: reading.filter, limit: reading.upTo(30) }));
    }),

  "MCP, events/poll": (reading) =>
    byAgents(reading, async (agent, cursor) => {
      await reading.app.waitForEvent("*", { after: cursor });
      const page = await agent.ask("events/poll", { ...everyEvent(reading.filter), cursor, maxEvents: reading.upTo(30) });
      return { ...page, events: page.events.map(({ data }: any) => data) };
    }),

  "MCP, events/stream": (reading) =>
    byAgents(reading, async (agent, cursor, heard) => {
      const done = new AbortController();
      agent.onNotice(({ method, params }) => {
        if (method !== "notifications/events/event") return;
        heard(params.data, params.cursor);
        if (reading.isLast(params.data)) done.abort();
      });
      await agent.ask("events/stream", { ...everyEvent(reading.filter), cursor }, { signal: done.signal });
      throw new Error("the stream ended by itself");
    }),
};

/** Reads by one client after the other, each until it is cut off. @param step what one does, as often as it can; it may also say at once what it heard. */
async function byAgents(
  { url, after, isLast, upTo }: Reading,
  step: (
    agent: Agent,
    place: string,
    heard: (event: any, cursor: string) => void,
  ) => Promise<{ readonly events: readonly any[]; readonly cursor: string }>,
): Promise<any[]> {
  const events: any[] = [];
  const clients = Object.values(CLIENTS);
  let place = after;
  const heard = (event: any, cursor: string): void => {
    events.push(event);
    place = cursor;
  };
  for (;;) {
    const connect = clients[upTo(clients.length) - 1] as (typeof clients)[number];
    const connected = await connect(url, {}, { lists: false }).catch(() => undefined);
    if (connected === undefined) continue;
    await using agent = connected;
    try {
      for (;;) {
        const page = await step(agent, place, heard);
        events.push(...page.events);
        place = page.cursor;
        if (events.some(isLast)) return upToLast(events, isLast);
      }
    } catch (error) {
      if (events.some(isLast)) return upToLast(events, isLast);
      // What the server refuses is no lost connection.
      if (error instanceof Refused || (error as any).data?.code !== undefined) throw error;
    }
  }
}

class Refused extends Error {}

function pageOf({ isError, content, structuredContent }: ToolAnswer): any {
  if (isError === true) throw new Refused(content[0]?.text);
  return structuredContent;
}

/** As the others read: without it, the type brings broadcasts along. */
function everyEvent(filter: FilterJson): object {
  return { name: "nexus.event", arguments: { type: "*", ...filter } };
}

/** `nexus events tail`, which always says broadcast: include. It is killed once on its way. */
export const tail: Reader = async ({ url, filter, after, isLast, upTo }) => {
  const events: any[] = [];
  const options = Object.entries(filter).flatMap(([field, values]) =>
    field === "broadcast" ? [] : [values].flat().flatMap((value) => [OPTIONS[field] as string, value]),
  );
  for (let place = after, kills = 1; ; kills--) {
    await using command = new Command(["events", "tail", ...options, "--after", place, "--output", "json"], { url });
    const told = (): any[] =>
      command.stdout
        .slice(0, command.stdout.lastIndexOf("\n") + 1)
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    const until = kills > 0 ? upTo(40) : Number.POSITIVE_INFINITY;
    await command.until(() => told().length >= until || told().some(({ event }) => isLast(event)), "its last event");
    const lines = told();
    events.push(...lines.map(({ event }) => event));
    if (events.some(isLast)) return upToLast(events, isLast);
    place = lines.at(-1).cursor;
  }
};

/** Also when the very first connection is cut. */
async function* patiently(subscribe: () => AsyncIterable<any>): AsyncGenerator<any> {
  for (;;) {
    try {
      return yield* subscribe();
    } catch (error) {
      if (!NexusError.is(error, "SERVER_UNREACHABLE")) throw error;
    }
  }
}

const OPTIONS: Readonly<Record<string, string>> = { type: "--type", sessionId: "--session", userId: "--user" };

export function queryOf(fields: FilterJson): string {
  return new URLSearchParams(
    Object.fromEntries(Object.entries(fields).map(([name, values]) => [name, [values].flat().join(",")])),
  ).toString();
}

function upToLast(events: any[], isLast: (event: any) => boolean): any[] {
  return events.slice(0, events.findIndex(isLast) + 1);
}

/** The body, or `undefined` if the connection was cut. */
async function answerOf(url: string): Promise<any> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url);
    text = await response.text();
  } catch {
    return undefined;
  }
  if (!response.ok) throw new Error(text);
  return JSON.parse(text);
}
