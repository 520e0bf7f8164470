import { setImmediate as nextTurn } from "node:timers/promises";
import { NexusError } from "../../errors.ts";
import { Turn } from "../../log/turn.ts";
import type { Failures } from "./failures.ts";
import type { Transact } from "./transaction.ts";
import type { Tuning } from "./tuning.ts";

/** A part of the store that takes part in each commit. It keeps apart what a transaction changes until that is durable: a failed one has changed nothing. */
export interface Participant {
  /** A transaction begins; what a failed one left is forgotten. */
  begin(): void;
  /** The last to be written in it. */
  beforeCommit(): void;
  /** It is durable. */
  committed(): void;
}

/** Has transactions that consist of appends written by another thread: neither inserting nor waiting for the disk holds up this one. */
export interface Apart {
  /** How many calls such a transaction has at least and at most; `undefined` where so few as wait, or any, cannot be written so now. */
  size(waiting: number): { readonly least: number; readonly most: number } | undefined;
  /** A transaction begins. The appends that follow throw, other than with a NexusError, where it has to be done here. */
  begin(): void;
  /** Writes it. @returns whether that is durable, and taken in; if not, nothing of it was written. @throws what the file says when nobody can tell. */
  write(): Promise<boolean>;
}

interface Call {
  /** What writes does so within a transaction; what only reads waits until the writes before it are committed. */
  readonly writes: boolean;
  /** It takes its place among the writes, and writes nothing itself. */
  readonly looks: boolean;
  /** All it writes is an event at the end of the log. */
  readonly appends: boolean;
  /** Nothing may be written while it is done. */
  readonly alone: boolean;
  readonly bytes: number;
  /** What writes returns how to tell its result, once the transaction is written. */
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: NexusError) => void;
}

type Kind = Pick<Call, "writes" | "looks" | "appends" | "alone">;
const WRITE: Kind = { writes: true, looks: false, appends: false, alone: false };
const APPEND: Kind = { ...WRITE, appends: true };
const BETWEEN: Kind = { ...WRITE, looks: true };
const AFTER: Kind = { ...BETWEEN, writes: false };
const ALONE: Kind = { ...AFTER, alone: true };

/** How to answer a call, once its outcome is known. */
type Answer = () => void;

/**
 * Group commit: calls take effect in the order they were made, and those made in one turn of the event loop share a transaction.
 *
 * Many appends at once are written apart; until that is done nothing else is, but that the next of them may begin while these are answered.
 */
export class CommitQueue {
  readonly #transact: Transact;
  readonly #tuning: Tuning;
  readonly #participants: readonly Participant[];
  readonly #apart: Apart;
  readonly #failures: Failures;
  readonly #turn = new Turn();
  /** Their own: whoever follows the log, or catches up with it, is not to use up the time of those who wait here. */
  readonly #turnOfReaders = new Turn();
  #waiting: Call[] = [];
  #scheduled = false;
  /** A transaction that is written apart, until its calls are answered. */
  #underWay: Promise<void> | undefined;
  #closed = false;

  constructor(transact: Transact, tuning: Tuning, participants: readonly Participant[], apart: Apart, failures: Failures) {
    this.#transact = transact;
    this.#tuning = tuning;
    this.#participants = participants;
    this.#apart = apart;
    this.#failures = failures;
  }

  /**
   * Does `work` within the next transaction.
   *
   * @param work may throw a NexusError, before it has written anything, to refuse the call: its neighbours go on. It returns what tells its result, to be asked
   * once all of the transaction is written; that may refuse the call, too. It is done again where the transaction is.
   * @returns that result, once it is durable.
   */
  write<Result>(bytes: number, work: () => () => Result): Promise<Result> {
    return this.#add(WRITE, bytes, work);
  }

  /** As `write`, for work that does nothing but add an event to the log. */
  append<Result>(bytes: number, work: () => () => Result): Promise<Result> {
    return this.#add(APPEND, bytes, work);
  }

  /** Does `work`, which only looks, at its place among the writes: it sees those called before it and none called after it, once they are durable. */
  between<Result>(work: () => Result): Promise<Result> {
    return this.#add(BETWEEN, 0, work);
  }

  /** Does `work` outside of transactions, once all that was written before this call is durable; it may see later writes, too. */
  afterWrites<Result>(work: () => Result): Promise<Result> {
    return this.#add(AFTER, 0, work);
  }

  /** Does `work` outside of transactions, whatever is under way: it sees what is durable. At once, unless this turn has gone on for long. */
  async now<Result>(work: () => Result): Promise<Result> {
    while (this.#turnOfReaders.isLong) await nextTurn();
    this.checkOpen();
    try {
      return work();
    } catch (error) {
      throw this.#failures.of(error);
    }
  }

  /** As `afterWrites`, for work with a transaction of its own. */
  alone<Result>(work: () => Result): Promise<Result> {
    return this.#add(ALONE, 0, work);
  }

  /** @throws APP_STOPPED once it is closed · STORE_DAMAGED once the file was found to be. */
  checkOpen(): void {
    if (this.#closed) throw new NexusError("APP_STOPPED", {});
    if (this.#failures.damage !== undefined) throw this.#failures.damage;
  }

  /** Commits and answers all that waits; later calls are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay;
    while (this.#waiting.length > 0) this.#commit();
  }

  #add<Result>(kind: Kind, bytes: number, work: () => unknown): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.checkOpen();
      const call: Call = { ...kind, bytes, work, resolve, reject };
      const nothingBefore = this.#waiting.length === 0 && this.#underWay === undefined;
      if (call.looks && nothingBefore && (call.writes || !this.#turn.isLong)) return this.#attempt(call)();
      this.#waiting.push(call);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#underWay !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#underWay !== undefined) return;
      if (!this.#commitApart() && this.#waiting.length > 0) this.#commit();
      // The rest in the next turn: sockets and timers have theirs in between.
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #commit(): void {
    const batch = this.#next(this.#tuning.batchCalls);
    const writes = batch.filter((call) => call.writes);
    this.#answer(batch, writes.every((call) => call.looks) ? writes.map((call) => this.#attempt(call)) : this.#write(writes));
  }

  /** Begins to write what waits apart, if it is such and enough. @returns whether it has. */
  #commitApart(): boolean {
    const isOver = this.#closed || this.#failures.damage !== undefined;
    const size = isOver ? undefined : this.#apart.size(this.#waiting.length);
    if (size === undefined) return false;
    const batch = this.#next(size.most);
    const writes = batch.filter((call) => call.writes);
    const suits = writes.filter((call) => call.appends).length >= size.least && writes.every((call) => call.appends || call.looks);
    const answers = suits ? this.#beginApart(writes) : undefined;
    if (answers === undefined) {
      this.#waiting.unshift(...batch);
      return false;
    }
    const ended = (outcomes: readonly Answer[]): void => {
      // The next goes on its way while these are answered; what has a transaction of its own would be in its way.
      if (!batch.some((call) => call.alone)) this.#commitApart();
      this.#answer(batch, outcomes);
      if (this.#waiting.length > 0) this.#schedule();
    };
    this.#underWay = this.#apart.write().then(
      (written) => {
        this.#underWay = undefined;
        ended(written ? answers : this.#write(writes));
      },
      // Nobody can tell whether it is written: what is tried again is recorded once.
      (error: unknown) => {
        this.#underWay = undefined;
        ended(this.#failed(writes, error));
      },
    );
    return true;
  }

  /** @returns `undefined` where it cannot be done apart. */
  #beginApart(writes: readonly Call[]): readonly Answer[] | undefined {
    this.#apart.begin();
    try {
      return writes.map((call) => this.#attempt(call));
    } catch {
      // It is done again within a transaction, and fails there if it has to.
      this.#forget();
      return undefined;
    }
  }

  /** @param answers those of the calls that write. */
  #answer(batch: readonly Call[], answers: readonly Answer[]): void {
    let write = 0;
    const late: Call[] = [];
    for (const call of batch) {
      if (call.writes) answers[write++]?.();
      else if (this.#turn.isLong && !this.#closed) late.push(call);
      else this.#attempt(call)();
    }
    this.#waiting.unshift(...late);
  }

  /** Writes them in a transaction of this thread. */
  #write(calls: readonly Call[]): readonly Answer[] {
    // Not even a part of the index is written to a file that is damaged.
    if (this.#failures.damage !== undefined) return calls.map((call) => this.#attempt(call));
    let answers: readonly Answer[];
    try {
      answers = this.#transact(() => {
        for (const participant of this.#participants) participant.begin();
        // A refusal, too, is answered after the commit: it may rest on what a neighbour wrote.
        const attempted = calls.map((call) => this.#attempt(call));
        for (const participant of this.#participants) participant.beforeCommit();
        return attempted;
      });
    } catch (error) {
      return this.#failed(calls, error);
    }
    for (const participant of this.#participants) participant.committed();
    return answers;
  }

  #failed(calls: readonly Call[], error: unknown): readonly Answer[] {
    const failure = this.#failures.of(error);
    // What it left is forgotten at once: to who only looks, it never was.
    this.#forget();
    return calls.map((call) => (call.looks ? this.#attempt(call) : () => call.reject(failure)));
  }

  /** What a transaction has added that did not come to its end. */
  #forget(): void {
    for (const participant of this.#participants) participant.begin();
  }

  /** What is to be done next of what waits: so many calls at most. */
  #next(most: number): readonly Call[] {
    let bytes = 0;
    let count = 0;
    for (const call of this.#waiting) {
      if (count === most || (count > 0 && bytes + call.bytes > this.#tuning.batchBytes)) break;
      bytes += call.bytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  #tell(call: Call, result: () => never): void {
    try {
      call.resolve(result());
    } catch (error) {
      call.reject(this.#failures.of(error));
    }
  }

  /** Does the work of a call. @returns how to answer it. @throws for a write that failed other than by being refused. */
  #attempt(call: Call): Answer {
    try {
      if (this.#failures.damage !== undefined) throw this.#failures.damage;
      const result = call.work();
      return call.writes && !call.looks ? () => this.#tell(call, result as () => never) : () => call.resolve(result as never);
    } catch (error) {
      if (call.writes && !NexusError.is(error)) throw error;
      const failure = this.#failures.of(error);
      return () => call.reject(failure);
    }
  }
}
