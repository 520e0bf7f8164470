import { type Filter, type IndexedField, typeMatches } from "../../events/filter.ts";
import type { EventRows } from "./event-rows.ts";
import type { PostingIndex } from "./posting-index.ts";
import { intersection, type Pieces, piecewise, type SequenceSet, union } from "./sequence-set.ts";

export type Selection = Pick<Filter, "fields" | "broadcast" | "seen">;
type Order = "asc" | "desc";

/** Turns what a filter says of fields into sets of sequences, so that only rows which match are ever read. */
export class Matches {
  readonly #index: PostingIndex;
  readonly #rows: EventRows;

  constructor(index: PostingIndex, rows: EventRows) {
    this.#index = index;
    this.#rows = rows;
  }

  /**
   * The sequences from `first` to `last` whose events match, in order; `undefined` when that is all of them. Times are not looked at: they are a range.
   *
   * Where somebody's rights narrow the filter, these are the public ones and the user's own: which of those are seen is for the reader to ask.
   */
  find(selection: Selection, first: number, last: number, order: Order): Iterable<number> | undefined {
    const matching = this.#set(selection, order);
    const own = selection.seen && union([...this.#withValue("userId", selection.seen.by.userId, order), this.#all("public", order)]);
    const set = matching && own ? intersection([matching, own]) : (own ?? matching);
    return set && sequencesIn(set, first, last, order);
  }

  #set({ fields, broadcast }: Selection, order: Order): SequenceSet | undefined {
    const sets: SequenceSet[] = [];
    for (const [field, values] of fields) {
      // Every event has a type.
      if (field === "type" && values.includes("*")) continue;
      sets.push(union(this.#valuesOf(field, values).flatMap((value) => this.#withValue(field, value, order))));
    }
    if (broadcast === "only") sets.push(this.#all("broadcast", order));
    if (sets.length === 0) return undefined;
    const all = intersection(sets);
    return broadcast === "include" ? union([all, this.#all("broadcast", order)]) : all;
  }

  /** The values with each pattern of types replaced by the types there are. */
  #valuesOf(field: IndexedField, values: readonly string[]): readonly string[] {
    if (field !== "type") return values;
    const types = values.flatMap((value) =>
      value.endsWith(".*") ? [...this.#index.types].filter((type) => typeMatches(value, type)) : [value],
    );
    return [...new Set(types)];
  }

  #withValue(field: IndexedField, value: string, order: Order): SequenceSet[] {
    const sets = [piecewise(this.#index.pieces(field, value), order)];
    if (field === "correlationId") sets.push(piecewise(this.#startOf(value), order));
    return sets;
  }

  #all(which: "broadcast" | "public", order: Order): SequenceSet {
    return piecewise(this.#index.pieces(which, ""), order);
  }

  /** The event that a correlation starts with has its id, and is not in the index. */
  #startOf(correlationId: string): Pieces {
    const sequence = this.#rows.byId(correlationId)?.sequence;
    const starts = sequence !== undefined && this.#rows.at(sequence)?.correlationId === correlationId;
    const list = starts ? [sequence] : [];
    return {
      from: (from) => (sequence !== undefined && sequence >= from ? list : undefined),
      to: (to) => (sequence !== undefined && sequence <= to ? list : undefined),
    };
  }
}

function* sequencesIn(set: SequenceSet, first: number, last: number, order: Order): Generator<number, void> {
  // Downwards is upwards among the negated sequences.
  const [sign, end] = order === "asc" ? [1, last] : [-1, -first];
  for (let at = set.seek(order === "asc" ? first : -last); at <= end; at = set.seek(at + 1)) yield sign * at;
}
