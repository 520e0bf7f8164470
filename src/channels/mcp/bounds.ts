import type { Bounds } from "../../access/places.ts";

/** Of connections, and of streams of each kind. */
export const BOUNDS: Required<Bounds> = { most: 1_000, mostOfOne: 100 };
