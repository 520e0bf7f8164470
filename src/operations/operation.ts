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
}

/** What an operation answers; `status` is HTTP's, 200 unless it says otherwise. */
export interface Answer {
  readonly status?: number;
  readonly body: object;
}

/**
 * One thing that can be asked of an app, from any channel. Its input is one object; HTTP takes it from path, query and body as the schemas say.
 * `filter`: it also takes a filter (wire.md), in `input.filter`; bounded ones also `since` and `until`.
 */
export interface Operation<Params extends TObject = TObject, Query extends TObject = TObject, Body extends TObject = TObject> {
  readonly name: string;
  readonly summary: string;
  readonly scope: Scope;
  readonly method: Method;
  /** With `{name}` for each parameter. */
  readonly path: string;
  readonly params: Params;
  readonly query: Query;
  readonly body?: Body;
  /** The body is `input.body` as it is, whatever fields it has: they are not the input's. */
  readonly wholeBody?: true;
  readonly filter?: "bounded" | "open";
  /** HTTP also takes ("in") or answers with ("out") CloudEvents here, when a request says so. */
  readonly cloudEvents?: "in" | "out";
  run(
    app: App,
    input: Static<Params> &
      Static<Query> &
      Static<Body> & { readonly filter?: Readonly<Record<string, unknown>> } & {
        readonly body?: JsonObject;
        readonly cloudEvents?: IncomingEvent | readonly IncomingEvent[];
      },
    call: Call,
  ): Promise<Answer>;
}

/** Gives an operation the types of its own schemas, and the table that of any. */
export function operation<Params extends TObject, Query extends TObject, Body extends TObject = TObject<{}>>(
  of: Operation<Params, Query, Body>,
): Operation {
  return of as unknown as Operation;
}
