import type { NexusEvent } from "./event.ts";
import type { JsonObject } from "./json.ts";

/** Key of the types that a definition carries; there is no value under it. */
export declare const types: unique symbol;
declare const refused: unique symbol;
/** What the compiler shows where something does not fit, and why. */
export interface Refused<Why extends string> {
  readonly [refused]: Why;
}

/** A typed event as a value: it types emitting, handling and reading. */
export interface EventDefinition<Name extends string = string, In = any, Data = any> {
  readonly kind: "event";
  readonly name: Name;
  readonly version: number;
  readonly description?: string;
  /** Whether an event of any type is of this one. */
  is(event: NexusEvent): event is NexusEvent<Name, Data>;
  readonly [types]?: readonly [In, Data];
}
export type EventOf<D> = D extends EventDefinition<infer Name, any, infer Data> ? NexusEvent<Name, Data> : never;

/** A registered piece of work, as a value: it carries the types of its inputs and result. */
export interface Workflow<Name extends string = string, In = any, Result = any> {
  readonly kind: "workflow";
  readonly name: Name;
  readonly description?: string;
  readonly [types]?: readonly [In, Result];
}
export type SomeWorkflow = Workflow<string, JsonObject | undefined, unknown>;

/** An array of definitions, or a module of them: `import * as events from "./events.ts"`. */
export type Definitions = readonly unknown[] | Readonly<Record<string, unknown>>;
