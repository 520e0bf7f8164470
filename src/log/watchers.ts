import type { NexusEvent } from "../events/event.ts";
import { type Filter, fieldOf, type IndexedField } from "../events/filter.ts";
import type { FeedEvent } from "./batch.ts";

/** Hears where to read on: just before the first event that matches, of those that come at once. */
export type Wake = (position: number) => void;

/** Those who wait for the same. */
interface Group {
  readonly filter: Filter;
  readonly wakes: Set<Wake>;
}

/** What an event must have for a filter to match it: one of several such. */
type Term = readonly [field: TermField, value: string];
type TermField = IndexedField | "broadcast" | "visibility";

/** By the field that fewest events share a value of. */
const NARROWEST_FIRST: readonly IndexedField[] = ["runId", "correlationId", "sessionId", "userId", "workflow", "type", "channel"];

/**
 * Readers at the end of the log who wait for what matches their filters. An event is looked up by its fields among what is waited for,
 * so it costs nothing that others wait for something else.
 */
export class Watchers {
  readonly #groups = new Map<string, Group>();
  /** Those who wait for a value of a field. */
  readonly #byTerm = new Map<TermField, Map<string, Set<Group>>>();
  /** Those whose filters name no value: each is asked about each event. */
  readonly #others = new Set<Group>();

  /** @returns a function that ends the waiting. */
  add(filter: Filter, wake: Wake): () => void {
    const group = this.#groups.get(filter.key) ?? this.#begin(filter);
    group.wakes.add(wake);
    return () => {
      group.wakes.delete(wake);
      if (group.wakes.size === 0 && this.#groups.get(filter.key) === group) this.#end(group);
    };
  }

  /** Wakes whoever waits for one of these, which follow each other. @param failed hears what one of them throws: it is not to keep the others waiting. */
  advance(events: readonly FeedEvent[], failed: (error: unknown) => void): void {
    if (this.#groups.size === 0) return;
    const woken = new Map<Group, number>();
    const look = (groups: ReadonlySet<Group> | undefined, item: FeedEvent): void => {
      if (groups === undefined) return;
      for (const group of groups) if (!woken.has(group) && item.matches(group.filter)) woken.set(group, item.sequence - 1);
    };
    for (const item of events) {
      for (const [field, byValue] of this.#byTerm) look(byValue.get(valueOf(item.event, field) ?? ""), item);
      look(this.#others, item);
      // Nobody is left who waits: often after the first of many.
      if (woken.size === this.#groups.size) break;
    }
    for (const [{ wakes }, position] of woken) {
      for (const wake of wakes) {
        try {
          wake(position);
        } catch (error) {
          failed(error);
        }
      }
    }
  }

  #begin(filter: Filter): Group {
    const group: Group = { filter, wakes: new Set() };
    this.#groups.set(filter.key, group);
    const terms = termsOf(filter);
    if (terms === undefined) this.#others.add(group);
    for (const [field, value] of terms ?? []) {
      let byValue = this.#byTerm.get(field);
      if (byValue === undefined) this.#byTerm.set(field, (byValue = new Map()));
      const groups = byValue.get(value);
      if (groups === undefined) byValue.set(value, new Set([group]));
      else groups.add(group);
    }
    return group;
  }

  #end(group: Group): void {
    const { filter } = group;
    this.#groups.delete(filter.key);
    this.#others.delete(group);
    for (const [field, value] of termsOf(filter) ?? []) {
      const byValue = this.#byTerm.get(field);
      const groups = byValue?.get(value);
      groups?.delete(group);
      if (groups?.size === 0) byValue?.delete(value);
      if (byValue?.size === 0) this.#byTerm.delete(field);
    }
  }
}

/** What each event that a filter matches has one of; `undefined` where there is no such thing. */
function termsOf({ fields, broadcast, seen }: Filter): readonly Term[] | undefined {
  const broadcasts: readonly Term[] = [["broadcast", "true"]];
  if (broadcast === "only") return broadcasts;
  const field = NARROWEST_FIRST.find((name) => fields.get(name)?.every((value) => name !== "type" || !value.endsWith("*")));
  const terms: readonly Term[] | undefined =
    field !== undefined
      ? fields.get(field)?.map((value): Term => [field, value])
      : seen && [
          ["userId", seen.by.userId],
          ["visibility", "public"],
        ]; // As Sight promises.
  return broadcast === "include" && terms !== undefined ? [...terms, ...broadcasts] : terms;
}

function valueOf(event: NexusEvent, field: TermField): string | undefined {
  if (field === "broadcast") return event.broadcast === true ? "true" : undefined;
  return field === "visibility" ? event.visibility : fieldOf(event, field);
}
