import { crc32 } from "node:zlib";

/** Of so many groups of keys a digest is kept each: the memory it takes does not grow with the log. */
const GROUPS = 1 << 16;

/** Which keys lead to which events, in a few numbers: two that were made of the same pairs are the same, in whatever order those came. */
export class IndexDigest {
  readonly #sums = new Uint32Array(GROUPS);
  readonly #counts = new Uint32Array(GROUPS);
  #pairs = 0;

  add(key: string, sequence: number): void {
    const hash = crc32(key);
    const group = hash % GROUPS;
    this.#sums[group] = (this.#sums[group] as number) + mixed(hash, sequence);
    this.#counts[group] = (this.#counts[group] as number) + 1;
    this.#pairs += 1;
  }

  /** How many pairs of a key and an event it is made of. */
  get pairs(): number {
    return this.#pairs;
  }

  /** The groups in which two differ. */
  differences(other: IndexDigest): ReadonlySet<number> {
    const groups = new Set<number>();
    for (let group = 0; group < GROUPS; group++)
      if (this.#sums[group] !== other.#sums[group] || this.#counts[group] !== other.#counts[group]) groups.add(group);
    return groups;
  }
}

/** Which group a key is in. */
export function groupOf(key: string): number {
  return crc32(key) % GROUPS;
}

/** Bits of both numbers all over one of 32 bits. @see the finalizer of MurmurHash3: Appleby, 2011. */
function mixed(hash: number, sequence: number): number {
  let bits = Math.imul(hash ^ sequence, 0x9e3779b1) ^ Math.imul(Math.floor(sequence / 2 ** 32) + 1, 0x85ebca6b) ^ hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
