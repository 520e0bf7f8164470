import { FIELD_COUNT, indexOfField, type PostingField, type Values } from "./posting-keys.ts";

/** The values of one field, of those events that have one, and the sequence of each; in the order of the log. Plain, so that another thread can be given it. */
export interface Column {
  readonly values: string[];
  readonly sequences: number[];
}

/** Which of some events have which value in which field. To take an event in costs next to nothing: what is never asked for is not grouped. */
export class Gathered {
  readonly columns: readonly Column[] = Array.from({ length: FIELD_COUNT }, () => ({ values: [], sequences: [] }));
  /** By field, what was asked for in it. */
  readonly #grouped: (Grouped | undefined)[] = Array.from({ length: FIELD_COUNT }, () => undefined);
  /** How many events. */
  count = 0;

  /** Takes in an event, which comes after all it has. */
  add(sequence: number, values: Values): void {
    for (let n = 0; n < values.length; n++) {
      const value = values[n];
      if (value === undefined) continue;
      const { values: all, sequences } = this.columns[n] as Column;
      all.push(value);
      sequences.push(sequence);
    }
    this.count += 1;
  }

  /** The events with `value` in `field`, ascending; `undefined` if there are none. */
  find(field: PostingField, value: string): readonly number[] | undefined {
    const n = indexOfField(field);
    const column = this.columns[n] as Column;
    const grouped = (this.#grouped[n] ??= { lists: new Map(), upTo: 0 });
    group(column, grouped.lists, grouped.upTo);
    grouped.upTo = column.values.length;
    return grouped.lists.get(value);
  }
}

interface Grouped {
  readonly lists: Map<string, number[]>;
  upTo: number;
}

/** Sorts what a column has from `begin` on into lists, one for each value. */
export function group({ values, sequences }: Column, lists: Map<string, number[]>, begin = 0): Map<string, number[]> {
  for (let n = begin; n < values.length; n++) {
    const value = values[n] as string;
    const list = lists.get(value);
    if (list === undefined) lists.set(value, [sequences[n] as number]);
    else list.push(sequences[n] as number);
  }
  return lists;
}
