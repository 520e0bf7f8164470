import type { Static, TObject } from "typebox";
import type { App } from "../app.ts";
import type { IncomingEvent } from "../events/incoming-event.ts";
import type { JsonObject } from "../events/json.ts";
import type { Scope } from "../events/principal.ts";

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** Who calls, and how. */
export interface Call {
  /** Aborts when the caller is gone, and with SERVER_STOPPING when it is to come back later. */
  readonly signal: AbortSignal;
  /** Where every answer costs its reader dear, as with tools of MCP. */
  readonly sparing?: Sparing;
  /** Is told how far it is; absent where nobody looks. */
  readonly progress?: (of: Progress) => void;
}

/** Answers as a reader who pays for each of them wants them. */
export interface Sparing {
  /** What the events of one answer may have in all, as JSON. At least one is answered, whatever its size. */
  readonly bytes: number;
  /** How long a wait goes on after its first match, to answer more at once. */
  readonly gatherMs: number;
}

export interface Progress {
  /** 0 to 100, where that is known. */
  readonly percentage?: number;
  readonly message?: string;
}

/** How an operation looks to an agent: a tool of MCP. */
export interface Tool<Also extends TObject = TObject> {
  /** Without the `nexus_` that all of them begin with. */
  readonly name: string;
  /** What a model must know beyond the summary. */
  readonly says?: string;
  /** It may undo or overwrite what was there. What is read with GET changes nothing. */
  readonly destructive?: true;
  /** Asked twice it does no more than once. */
  readonly idempotent?: true;
  /** It reaches beyond Nexus: code or targets of yours. */
  readonly openWorld?: true;
  /** What only a tool takes, because its caller pays for each answer. */
  readonly also?: Also;
}

/** What an operation answers; `status` is HTTP's, 200 unless it says otherwise. */
export interface Answer {
  readonly status?: number;
  readonly body: object;
}

/**
 * One thing that can be asked of an app, from any channel. Its input is one object; HTTP takes it from path, query and body as the schemas say, a tool of MCP as it is.
 * `filter`: it also takes a filter (wire.md), in `input.filter`; bounded ones also `since` and `until`.
 */
export interface Operation<
  Params extends TObject = TObject,
  Query extends TObject = TObject,
  Body extends TObject = TObject,
  Also extends TObject = TObject,
> {
  readonly name: string;
  readonly summary: string;
  readonly scope: Scope;
  readonly method: Method;
  /** With `{name}` for each parameter. */
  readonly path: string;
  readonly params: Params;
  readonly query: Query;
  readonly body?: Body;
  /** The body is this one field of the input as it is, whatever fields it has itself. */
  readonly wholeBody?: "changes";
  readonly filter?: "bounded" | "open";
  /** HTTP also takes ("in") or answers with ("out") CloudEvents here, when a request says so. */
  readonly cloudEvents?: "in" | "out";
  /** Absent for what no agent is to do. */
  readonly tool?: Tool<Also>;
  run(
    app: App,
    input: Static<Params> &
      Static<Query> &
      Static<Body> &
      Static<Also> & { readonly filter?: Readonly<Record<string, unknown>> } & {
        readonly changes?: JsonObject;
        readonly cloudEvents?: IncomingEvent | readonly IncomingEvent[];
      },
    call: Call,
  ): Promise<Answer>;
}

/** Gives an operation the types of its own schemas, and the table that of any. */
export function operation<
  Params extends TObject,
  Query extends TObject,
  Body extends TObject = TObject<{}>,
  Also extends TObject = TObject<{}>,
>(of: Operation<Params, Query, Body, Also>): Operation {
  return of as unknown as Operation;
}
