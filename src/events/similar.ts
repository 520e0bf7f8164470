/** The names that a name was probably meant to be: five at most. */
export function similarNames(name: string, known: Iterable<string>): readonly string[] {
  const most = Math.max(2, name.length / 4);
  return [...known].filter((each) => distance(each, name) <= most).slice(0, 5);
}

/** Edits between two names. @see Levenshtein, Binary codes capable of correcting deletions, insertions and reversals, 1966. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + same));
    }
    row = next;
  }
  return row[b.length] as number;
}
