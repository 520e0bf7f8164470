import { IndexRun, type IndexWriter, type Share, type Snapshot } from "./index-run.ts";
import type { PostingIndex } from "./posting-index.ts";
import type { Tuning } from "./tuning.ts";

/** What the thread that writes does for the index with a transaction. */
export interface IndexOrder {
  /** Where it begins with this one, which it has to the end. */
  readonly begin: Snapshot | undefined;
  readonly share: Share;
}

/** At the end less of the index is written than at once while it grows, but no blocks of a few events: reading a thousand again takes some milliseconds. */
const WORTH_IT = 1 / 8;

/**
 * Brings the newest of the index into the file, a part with each commit. What was begun by this thread, or by the one that writes, is ended by it; only when the
 * other has nearly all of the commits it takes it over, from the beginning.
 */
export class Indexing {
  readonly #index: PostingIndex;
  readonly #writer: IndexWriter;
  readonly #tuning: Tuning;
  #here: IndexRun | undefined;
  #isThere = false;
  #takenOver = 0;
  #wrote = false;

  constructor(index: PostingIndex, writer: IndexWriter, tuning: Tuning) {
    this.#index = index;
    this.#writer = writer;
    this.#tuning = tuning;
  }

  /** A transaction of this thread begins. */
  begin(): void {
    this.#wrote = false;
  }

  /** Writes a part within it. @param events so many are recorded with it. */
  write(events: number, floor: number): void {
    if (this.#isThere && !this.#takesOver()) return;
    this.#isThere = false;
    if (this.#here === undefined && !this.#isDue) return;
    this.#here ??= new IndexRun(this.#index.snapshot(), this.#writer, this.#tuning.indexKeys);
    this.#here.write(this.#share(events, floor));
    this.#wrote = true;
  }

  /** It is durable. */
  committed(): void {
    if (!this.#wrote) return;
    this.#here?.committed();
    if (this.#here?.isWhole === true) this.#written();
  }

  /** What the other thread is to do with a transaction of its own, if anything. */
  order(events: number, floor: number): IndexOrder | undefined {
    if (this.#here !== undefined && !this.#takesOver()) return undefined;
    this.#here = undefined;
    if (!this.#isDue) return undefined;
    if (this.#isThere && !this.#takesOver()) return { begin: undefined, share: this.#share(events, floor) };
    this.#isThere = true;
    const begin = this.#index.snapshot();
    return { begin, share: this.#share(events, floor) };
  }

  /** That thread has done so. @param whole whether all that it was given is written. */
  done(whole: boolean): void {
    if (whole) this.#written();
  }

  /** It is gone, with what it was given; or it has refused, and may not have taken it. It is given all of it again. */
  lost(): void {
    this.#isThere = false;
  }

  /** Writes all that is not written, in a transaction, if that is worth it: at the next opening it need not be read again. */
  finish(floor: number): void {
    while (this.#index.isWriting || this.#index.count >= this.#tuning.indexEvery * WORTH_IT) {
      const run = new IndexRun(this.#index.snapshot(), this.#writer, Number.POSITIVE_INFINITY);
      run.write(this.#share(0, floor));
      this.#written();
    }
  }

  get #isDue(): boolean {
    return this.#index.isWriting || this.#index.count >= this.#tuning.indexEvery;
  }

  #share(events: number, floor: number): Share {
    return { upTo: this.#index.writingUpTo, events, late: this.#index.count >= this.#tuning.indexEvery, floor };
  }

  /** Each time later than the last: where both have their part of the commits, one comes to its end. */
  #takesOver(): boolean {
    if (this.#index.count < this.#tuning.indexEvery * (1 + this.#takenOver)) return false;
    this.#takenOver += 1;
    return true;
  }

  #written(): void {
    this.#index.written();
    this.#here = undefined;
    this.#isThere = false;
    this.#takenOver = 0;
  }
}
