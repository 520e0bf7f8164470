import type { BuiltInEvent, BuiltInType, Prefix, Reserved } from "./built-in.ts";
import type { EventDefinition, EventOf, Refused, SomeWorkflow, types, Workflow } from "./definitions.ts";
import type { NexusEvent } from "./event.ts";
import type { JsonInput } from "./schema.ts";

/** What an app knows by name. */
export interface Registry {
  readonly eventName: string;
  readonly events: object;
  readonly workflowName: string;
  readonly workflows: object;
  readonly strict: boolean;
}
export interface OpenRegistry extends Registry {
  readonly eventName: never;
  readonly events: {};
  readonly workflowName: string;
  readonly workflows: {};
  readonly strict: false;
}
export interface RegistryOf<E, W, Mode> extends Registry {
  readonly eventName: Extract<Values<E>, EventDefinition>["name"];
  readonly workflowName: [Extract<Values<W>, Workflow>] extends [never] ? string : Extract<Values<W>, Workflow>["name"];
  readonly events: { readonly [D in Extract<Values<E>, EventDefinition> as D["name"]]: NonNullable<D[typeof types]> };
  readonly workflows: { readonly [D in Extract<Values<W>, Workflow> as D["name"]]: D };
  readonly strict: Mode extends "strict" ? true : false;
}
type Values<T> = T extends readonly (infer V)[] ? V : T[keyof T];
type Lookup<Map, Key> = Map extends { readonly [K in Key & string]: infer Value } ? Value : never;

/** Once an app is given workflows, a name it does not know does not compile. */
export type WorkflowName<R extends Registry> = R["workflowName"];
type EventName<R extends Registry> = R["eventName"];
export type EmitName<R extends Registry> = EventName<R> | (R["strict"] extends true ? never : string & {});
export type EmitData<R extends Registry, T> =
  T extends EventDefinition<any, infer In, any>
    ? In
    : T extends EventName<R>
      ? Lookup<R["events"], T> extends readonly [infer In, any]
        ? In
        : JsonInput
      : T extends Reserved
        ? Refused<"built-in events are recorded by Nexus">
        : JsonInput;

/** A definition, a type's name, or a pattern that ends in `*`. */
export type TypeArg<R extends Registry> = EventDefinition | BuiltInType | EventName<R> | `${Prefix}.*` | "*" | (string & {});
/** Any other event. Its type is a literal, since with `string` in a union `event.type === "…"` would narrow nothing. */
export type UndeclaredEvent = NexusEvent<"an undeclared type: name it in the filter, or declare it with defineEvent", unknown>;
/** The exact union of events that a definition, name or pattern admits in an app that knows `R`; all of them when nothing is named. */
export type EventFor<R extends Registry, T = TypeArg<R>, W = SomeWorkflow> = [EventDefinition] extends [T]
  ? Matching<R, "", W>
  : OneEvent<R, T, W>;
type OneEvent<R extends Registry, T, W> = T extends EventDefinition
  ? EventOf<T>
  : T extends BuiltInType
    ? BuiltInEvent<T, W>
    : T extends EventName<R>
      ? Custom<R, T>
      : T extends `${infer Start}*`
        ? Matching<R, Start, W>
        : string extends T
          ? Matching<R, "", W>
          : T extends string
            ? NexusEvent<T, unknown>
            : never;
type Matching<R extends Registry, Start extends string, W> =
  | BuiltInEvent<StartingWith<BuiltInType, Start>, W>
  | Custom<R, StartingWith<EventName<R>, Start>>
  | (Start extends Reserved ? never : Others<R>);
type StartingWith<Name, Start extends string> = Name extends `${Start}${string}` ? Name : never;
type Custom<R extends Registry, Name> =
  Name extends EventName<R>
    ? Lookup<R["events"], Name> extends readonly [any, infer Data]
      ? NexusEvent<Name, Data>
      : NexusEvent<Name, any>
    : never;
type Others<R extends Registry> = R["strict"] extends true ? never : UndeclaredEvent;

/** The workflow that a value or a name stands for in an app that knows `R`. */
export type Resolve<R extends Registry, W> = W extends Workflow
  ? W
  : Lookup<R["workflows"], W> extends infer Known extends Workflow
    ? [Known] extends [never]
      ? SomeWorkflow
      : Known
    : SomeWorkflow;
export type ResultOf<W> = W extends Workflow<any, any, infer Result> ? Result : never;
export type InputsIn<W> = W extends Workflow<any, infer In, any> ? In : never;
