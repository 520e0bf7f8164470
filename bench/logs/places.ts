import { readFileSync, writeFileSync } from "node:fs";

/** Where in a large log something is to be found. */
export interface Places {
  /** From all over its first half, so that each is followed by more than a page. */
  readonly cursors: readonly string[];
  /** Each has a hundred events, among a thousand that follow one another. */
  readonly sessions: number;
  readonly runs: readonly string[];
  /** The one that a reader goes on from. */
  readonly old: string;
}

export const SESSION_EVENTS = 100;
const SIDE_BY_SIDE = 10;

export function sessionOf(n: number): string {
  return `session-${Math.floor(n / (SESSION_EVENTS * SIDE_BY_SIDE)) * SIDE_BY_SIDE + (n % SIDE_BY_SIDE)}`;
}

/** As many as end within so many events. */
export function sessionsIn(events: number): number {
  return Math.floor(events / (SESSION_EVENTS * SIDE_BY_SIDE)) * SIDE_BY_SIDE;
}

export const TYPES = 100;

export function typeOf(n: number): string {
  return `bench.type-${Math.floor(n / 7) % TYPES}`;
}

export const WORKFLOWS = 10;

export function workflowName(n: number): string {
  return `counting-${n % WORKFLOWS}`;
}

export function writePlaces(file: string, places: Places): void {
  writeFileSync(file, JSON.stringify(places));
}

export function readPlaces(file: string): Places {
  return JSON.parse(readFileSync(file, "utf8")) as Places;
}
