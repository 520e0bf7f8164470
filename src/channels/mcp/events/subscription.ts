import Type, { type TSchema } from "typebox";
import type { App } from "../../../app.ts";
import { isLoss } from "../../../delivery/subscription.ts";
import { NexusError } from "../../../errors.ts";
import type { NexusEvent } from "../../../events/event.ts";
import type { Filter } from "../../../events/filter.ts";
import { positionOf } from "../../../log/cursor.ts";
import { filterOf } from "./types.ts";

export const SUBSCRIPTION: Readonly<Record<"name" | "arguments" | "cursor" | "maxAgeMs", TSchema>> = {
  name: Type.String(),
  arguments: Type.Optional(Type.Object({}, { additionalProperties: true })),
  cursor: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  maxAgeMs: Type.Optional(Type.Union([Type.Integer({ minimum: 0 }), Type.Null()])),
};

/** What a client subscribes with. */
export interface Subscription {
  readonly name: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly cursor?: string | null;
  readonly maxAgeMs?: number | null;
}

/** Where a subscription begins, and whether something before it was lost. */
export interface Beginning {
  readonly filter: Filter;
  readonly position: number;
  readonly truncated: boolean;
}

/** @throws -32011 for an unknown name, and what its arguments, its cursor and its caller's rights are refused with. */
export async function begin(app: App, { name, arguments: given = {}, cursor, maxAgeMs }: Subscription): Promise<Beginning> {
  const filter = app.access.seen(filterOf(app, name, given));
  const { log, feed } = await app.source();
  const sight = app.access.sight;
  if (cursor === undefined || cursor === null) return { filter, position: await positionOf(log, "latest"), truncated: false };
  let place: { position: number; truncated: boolean };
  try {
    place = { position: await positionOf(log, cursor, sight), truncated: false };
  } catch (error) {
    if (!isLoss(error)) throw error;
    // Of another history nothing can be said: it goes on live, as every pushed stream does.
    place = { position: await positionOf(log, NexusError.is(error, "CURSOR_EXPIRED") ? "earliest" : "latest"), truncated: true };
  }
  if (maxAgeMs === undefined || maxAgeMs === null) return { filter, ...place };
  const oldest = Math.min(await positionOf(log, new Date(app.clock.now() - maxAgeMs)), feed.end);
  return oldest <= place.position ? { filter, ...place } : { filter, position: oldest, truncated: true };
}

/** An event as the extension has it. */
export function occurrence(name: string, event: NexusEvent): object {
  return { eventId: event.id, name, timestamp: new Date(event.timestamp).toISOString(), data: event };
}
