import { NexusError } from "../errors.ts";
import type { Cursor, NexusEvent } from "../events/event.ts";
import { filterOf, nameOf } from "../events/event-filter.ts";
import { idMaker } from "../events/id.ts";
import { type JsonObject, jsonFault } from "../events/json.ts";
import { matches } from "../events/match.ts";
import { recordedEvent } from "../events/recorded-event.ts";
import { asking } from "./asking.ts";
import { type Connection, type Query, rootOf } from "./call.ts";
import type { ConnectionNote } from "./connection-note.ts";
import { Link } from "./link.ts";
import { type RemoteSubscription, remoteSubscription } from "./reader.ts";
import type { EventsAnswer, RunAnswer, RunsAnswer } from "./remote.ts";
import { type RemoteRun, remoteRun } from "./remote-run.ts";
import { type RemoteSessions, remoteSessions } from "./remote-sessions.ts";
import { filterJson, filterQuery, placeText } from "./wanted.ts";

export interface ClientOptions {
  /** Of the server's root, or of the path an app is mounted under. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** Asked for at each call, and at each connection. */
  readonly token?: (() => string | Promise<string>) | undefined;
  readonly fetch?: typeof fetch | undefined;
  /** Hears when the connection that subscriptions share is lost, and when it is back. */
  readonly onConnection?: ((note: ConnectionNote) => void) | undefined;
}

type Place = Cursor | Date;
type Options = Readonly<Record<string, any>>;

interface Started {
  readonly runId: string;
  readonly cursor: Cursor;
}

/** What an app can be asked, from afar. Its typed face is `Client` in client.ts. */
export interface RemoteApp extends AsyncDisposable {
  execute(workflow: unknown, inputs?: unknown, options?: Options): Promise<unknown>;
  startRun(workflow: unknown, inputs?: unknown, options?: Options): Promise<RemoteRun>;
  emitEvent(type: unknown, data: unknown, options?: Options): Promise<object>;
  broadcastEvent(type: unknown, data: unknown, options?: Options): Promise<object>;
  getEvents(query?: Options): Promise<EventsAnswer>;
  subscribe(options?: Options): RemoteSubscription;
  waitForEvent(type: unknown, options?: Options): Promise<NexusEvent | undefined>;
  readonly runs: {
    get(runId: string): Promise<RunAnswer>;
    list(query?: Options): Promise<RunsAnswer>;
    cancel(runId: string, reason?: string): Promise<RunAnswer>;
  };
  readonly sessions: RemoteSessions;
}

const OPTIONS: readonly string[] = ["url", "apiKey", "token", "fetch", "onConnection"] satisfies readonly (keyof ClientOptions)[];
/** What in-process callers may say; from afar the server says it. */
const ONLY_IN_PROCESS = ["userId", "correlationId", "visibility"];
/** Deeper than a server takes, or JSON.stringify. */
const NESTING = 1_000;

/** @throws OPTION_INVALID · OPTION_UNSUPPORTED */
export function remoteApp(options: ClientOptions): RemoteApp {
  checkOptions(options);
  const closed = new AbortController();
  const ended = closed.signal;
  const credential = async (): Promise<string | undefined> => options.apiKey ?? (await options.token?.());
  const connection: Connection = {
    url: rootOf(options.url),
    headers: async () => {
      const shown = await credential();
      return shown === undefined ? {} : { authorization: `Bearer ${shown}` };
    },
    // A browser's own must be called as nobody's method.
    fetch: (input, init) => (options.fetch ?? fetch)(input, init),
  };
  const ask = asking(connection, ended);
  // An error in what the user gave is the user's: it disturbs no subscription.
  const link = new Link({ connection, credential, tell: (note) => queueMicrotask(() => options.onConnection?.(note)) });
  const newId = idMaker(Date.now);

  const subscribe = (given: Options = {}): RemoteSubscription => {
    const { after = "latest", onLoss, signal } = given;
    const filter = filterOf(given, ["after", "onLoss", "signal"]);
    ended.throwIfAborted();
    // Whoever looks on sees broadcasts too; whoever names types gets those, as is declared.
    const broadcast = filter.broadcast === undefined && !filter.fields.has("type") ? { broadcast: "include" } : {};
    return remoteSubscription(link, {
      filter: { ...filterJson(filter), ...broadcast },
      after: placeText(after as Place),
      onLoss,
      signals: [signal, ended].filter((each) => each !== undefined) as AbortSignal[],
    });
  };

  const getEvents = async (query: Options = {}): Promise<EventsAnswer> => {
    const { after, before, order, limit } = query;
    const filter = filterQuery(filterOf(query, ["after", "before", "order", "limit"], true));
    const place = after === undefined ? {} : { after: placeText(after as Place) };
    const page = await ask<EventsAnswer>("GET", "events", { query: { ...filter, ...place, before, order, limit }, again: true });
    return { ...page, events: page.events.map((event) => recordedEvent(event, event.cursor)) };
  };

  const waitForEvent = async (type: unknown, given: Options = {}): Promise<NexusEvent | undefined> => {
    const { match, after = "latest", timeoutMs, signal, ...fields } = given;
    if (timeoutMs !== undefined && (!Number.isInteger(timeoutMs) || timeoutMs < 0))
      throw new NexusError("OPTION_INVALID", { option: "timeoutMs", reason: `${String(timeoutMs)} is not a whole number from 0` });
    const filter = filterOf({ ...fields, type });
    ended.throwIfAborted();
    const fits = (event: NexusEvent): boolean => matches(event, match as JsonObject | undefined);
    const over = timeoutMs === undefined ? undefined : new AbortController();
    const timer = over === undefined ? undefined : setTimeout(() => over.abort(), timeoutMs);
    const waiting = remoteSubscription(link, {
      filter: filterJson(filter),
      after: placeText(after as Place),
      signals: [signal, over?.signal, ended].filter((each) => each !== undefined) as AbortSignal[],
    });
    try {
      for await (const event of waiting) if (fits(event)) return event;
    } finally {
      clearTimeout(timer);
    }
    (signal as AbortSignal | undefined)?.throwIfAborted();
    ended.throwIfAborted();
    // What came in time is not missed by reading it late.
    for (let place = waiting.cursor; ; ) {
      const page = await getEvents({ ...fields, type, after: place, limit: 1_000 });
      const found = page.events.find(fits);
      if (found !== undefined || !page.hasMore) return found;
      place = page.cursor;
    }
  };

  const startRun = async (workflow: unknown, inputs: unknown = {}, given: Options = {}): Promise<RemoteRun> => {
    const { sessionId, metadata, idempotencyKey, signal, ...others } = given;
    checkOthers(others);
    (signal as AbortSignal | undefined)?.throwIfAborted();
    const name = String(nameOf(workflow));
    const fault = jsonFault(inputs, NESTING);
    if (fault !== undefined) throw new NexusError("INPUT_INVALID", { workflow: name, faults: [fault] });
    // Under a key the same call finds the same run: an answer that was lost is asked for again.
    const body = { inputs, sessionId, metadata, idempotencyKey: idempotencyKey ?? newId() };
    const path = `workflows/${encodeURIComponent(name)}/execute`;
    const { runId, cursor } = await ask<Started>("POST", path, { body, query: { waitMs: 0 }, again: true }).catch(startedAllTheSame);
    const run = remoteRun({ ask, link, ended }, runId, cursor);
    cancelOnAbort(run, signal as AbortSignal | undefined);
    return run;
  };

  const emit = async (type: unknown, data: unknown, given: Options, broadcast: boolean): Promise<object> => {
    const { id = newId(), sessionId, metadata, ...others } = given;
    checkOthers(others);
    const name = String(nameOf(type));
    const fault = jsonFault(data, NESTING);
    if (fault !== undefined) {
      const path = fault.path === "" ? "data" : `data.${fault.path}`;
      throw new NexusError("EVENT_INVALID", { type: name, faults: [{ path, message: fault.message }] });
    }
    // Under its id it is recorded once, however often it is sent.
    const body = { type: name, data, id, sessionId, metadata, ...(broadcast && { broadcast }) };
    return await ask<object>("POST", "events", { body, again: true }).catch((error: unknown) => {
      throw withType(error, name);
    });
  };

  return {
    execute: async (workflow, inputs, given) => await (await startRun(workflow, inputs, given)).result(),
    startRun,
    emitEvent: (type, data, given = {}) => emit(type, data, given, false),
    broadcastEvent: (type, data, given = {}) => emit(type, data, given, true),
    getEvents,
    subscribe,
    waitForEvent,
    runs: {
      get: (runId) => ask("GET", `runs/${encodeURIComponent(runId)}`, { again: true }),
      list: ({ after, ...query } = {}) =>
        ask("GET", "runs", { query: { ...query, ...(after !== undefined && { after: placeText(after as Place) }) } as Query, again: true }),
      cancel: (runId, reason) => ask("POST", `runs/${encodeURIComponent(runId)}/cancel`, { body: { reason }, again: true }),
    },
    sessions: remoteSessions(ask),
    [Symbol.asyncDispose]: async () => {
      const reason = new NexusError("CLIENT_CLOSED", {});
      closed.abort(reason);
      link.close(reason);
    },
  };
}

function checkOptions(options: ClientOptions): void {
  for (const option of Object.keys(options)) if (!OPTIONS.includes(option)) throw new NexusError("OPTION_UNSUPPORTED", { option });
  const { url, apiKey, token } = options;
  if (typeof url !== "string" || !/^https?:\/\//i.test(url) || !URL.canParse(url))
    throw new NexusError("OPTION_INVALID", { option: "url", reason: `${String(url)} is no http(s) address` });
  if (apiKey !== undefined && token !== undefined)
    throw new NexusError("OPTION_INVALID", { option: "token", reason: "there is an apiKey already" });
}

/** @throws OPTION_UNSUPPORTED · OPTION_INVALID */
function checkOthers(others: Options): void {
  for (const [option, value] of Object.entries(others)) {
    if (value === undefined) continue;
    if (ONLY_IN_PROCESS.includes(option))
      throw new NexusError("OPTION_UNSUPPORTED", { option }, { detail: `${option} is for in-process code: from afar the server says it.` });
    throw new NexusError("OPTION_INVALID", { option, reason: "there is no such option" });
  }
}

/** On the wire a problem's own `type` stands where the event's would. */
function withType(error: unknown, type: string): unknown {
  if (!NexusError.is(error, "EVENT_INVALID") && !NexusError.is(error, "EVENT_TYPE_INVALID")) return error;
  return new NexusError(error.code, { ...error.details, type } as never, { detail: error.message });
}

/** A run that has ended already, found by its key, may be answered as that. */
function startedAllTheSame(error: unknown): Started {
  if (NexusError.is(error, "WORKFLOW_FAILED") || NexusError.is(error, "RUN_CANCELLED")) return error.details as Started;
  throw error;
}

function cancelOnAbort(run: RemoteRun, signal: AbortSignal | undefined): void {
  // Whoever waits for the run hears how that went.
  const cancel = (): void => void run.cancel("its caller gave it up").catch(() => {});
  if (signal?.aborted === true) cancel();
  else signal?.addEventListener("abort", cancel, { once: true });
}
