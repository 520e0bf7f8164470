import type { Filter } from "../../events/filter.ts";

export interface Range {
  readonly first: number;
  readonly last: number;
}

/**
 * The part of a range whose events lie in the filter's time. Timestamps never decrease along the log, so that is a search by halving, and no index.
 *
 * @param timestampAt of an event in the range.
 */
export function rangeInTime(
  { first, last }: Range,
  { since, until }: Pick<Filter, "since" | "until">,
  timestampAt: (sequence: number) => number | undefined,
): Range {
  const firstAt = (time: number): number => {
    let low = first;
    let high = last + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((timestampAt(middle) as number) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return { first: since === undefined ? first : firstAt(since), last: until === undefined ? last : firstAt(until) - 1 };
}
