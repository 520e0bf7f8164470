import type { Addition } from "./addition.ts";
import type { Sync } from "./connection.ts";

/** What the thread that writes is started with. */
export interface WriterData {
  readonly file: string;
  readonly sync: Sync;
  /** So many keys of the index at least are written at once. */
  readonly indexKeys: number;
}

/** What it is sent: an addition to write, or that there will be none. */
export type ToWriter = Packed | "close";

/** What it says: that it has begun; and of each addition whether it is written, as durably as the store promises, and what it was to index with it; or nothing of it is. */
export type FromWriter = "ready" | "written" | "indexed" | "refused";

/** An addition with its ids in one string, and its bodies in one, a line each: a few long strings go across sooner than many. */
export type Packed = Omit<Addition, "ids" | "bodies"> & { readonly count: number; readonly ids: string; readonly bodies: string };

export function pack({ ids, bodies, ...rest }: Addition): Packed {
  return { ...rest, count: ids.length, ids: ids.join("\n"), bodies: bodies.join("\n") };
}

/** @throws where one of them has lines itself: no JSON has, nor an id of ours. */
export function unpack({ count, ...packed }: Packed): Addition {
  const [ids, bodies] = [packed.ids.split("\n"), packed.bodies.split("\n")];
  if (ids.length !== count || bodies.length !== count) throw new Error("An id or a body has lines.");
  return { ...packed, ids, bodies };
}
