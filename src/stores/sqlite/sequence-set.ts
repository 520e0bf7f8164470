/**
 * A sorted set of numbers that is read in one direction, and only as far as needed.
 *
 * The numbers are sequences; to read downwards they are negated. So whatever joins sets only knows "ascending".
 */
export interface SequenceSet {
  /** The first member that is not before `from`, or END. A later call never asks for less than an earlier one. */
  seek(from: number): number;
}

export const END: number = Number.POSITIVE_INFINITY;

export const EMPTY: SequenceSet = { seek: () => END };

/** What is in any of the sets. */
export function union(sets: readonly SequenceSet[]): SequenceSet {
  const [only, ...more] = sets;
  if (only === undefined) return EMPTY;
  if (more.length === 0) return only;
  const firsts = sets.map(() => Number.NEGATIVE_INFINITY);
  return {
    seek: (from) => {
      let first = END;
      for (const [i, set] of sets.entries()) {
        // Only a set that has fallen behind is asked: the others have said what comes first in them.
        let next = firsts[i] as number;
        if (next < from) {
          next = set.seek(from);
          firsts[i] = next;
        }
        if (next < first) first = next;
      }
      return first;
    },
  };
}

/**
 * What is in all of the sets: each is asked for the first member not before the greatest answer so far, until all give the same.
 *
 * @see "Leapfrog join": Veldhuizen, Leapfrog Triejoin, 2014.
 */
export function intersection(sets: readonly SequenceSet[]): SequenceSet {
  const [only, ...more] = sets;
  if (only === undefined) return EMPTY;
  if (more.length === 0) return only;
  return {
    seek: (from) => {
      let at = from;
      let agreed = 0;
      for (let i = 0; agreed < sets.length; i = (i + 1) % sets.length) {
        const next = (sets[i] as SequenceSet).seek(at);
        if (next === END) return END;
        agreed = next === at ? agreed + 1 : 1;
        at = next;
      }
      return at;
    },
  };
}

/** A set kept as ascending lists, none overlapping another. */
export interface Pieces {
  /** The list with the first member that is not before `sequence`. */
  from(sequence: number): readonly number[] | undefined;
  /** The list with the last member that is not after `sequence`. */
  to(sequence: number): readonly number[] | undefined;
}

/** The set that is in pieces: one of them is held at a time. */
export function piecewise(pieces: Pieces, order: "asc" | "desc"): SequenceSet {
  let piece: readonly number[] = [];
  if (order === "asc") {
    return {
      seek: (from) => {
        const last = piece.at(-1);
        if (last === undefined || last < from) piece = pieces.from(from) ?? [];
        return piece[countBelow(piece, from)] ?? END;
      },
    };
  }
  return {
    seek: (from) => {
      const to = -from;
      const first = piece[0];
      if (first === undefined || first > to) piece = pieces.to(to) ?? [];
      const found = piece[countBelow(piece, to + 1) - 1];
      return found === undefined ? END : -found;
    },
  };
}

/** How many members of an ascending list are less than `limit`. */
export function countBelow(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
