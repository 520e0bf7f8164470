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

interface Call {
  /** What writes does so within a transaction; what only reads waits until the writes before it are committed. */
  readonly writes: boolean;
  /** It takes its place among the writes, and writes nothing itself. */
  readonly looks: boolean;
  readonly bytes: number;
  /** What writes returns how to tell its result, once the transaction is written. */
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: NexusError) => void;
}

/** Group commit: calls take effect in the order they were made, and those made in one turn of the event loop share a transaction. */
export class CommitQueue {
  readonly #transact: Transact;
  readonly #tuning: Tuning;
  readonly #participants: readonly Participant[];
  readonly #failures: Failures;
  readonly #turn = new Turn();
  #waiting: Call[] = [];
  #scheduled = false;
  #closed = false;

  constructor(transact: Transact, tuning: Tuning, participants: readonly Participant[], failures: Failures) {
    this.#transact = transact;
    this.#tuning = tuning;
    this.#participants = participants;
    this.#failures = failures;
  }

  /**
   * Does `work` within the next transaction.
   *
   * @param work may throw a NexusError, before it has written anything, to refuse the call: its neighbours go on. It returns what tells its result, to be asked
   * once all of the transaction is written; that may refuse the call, too.
   * @returns that result, once it is durable.
   */
  write<Result>(bytes: number, work: () => () => Result): Promise<Result> {
    return this.#add(true, false, bytes, work);
  }

  /** Does `work`, which only looks, at its place among the writes: it sees those called before it and none called after it, once they are durable. */
  between<Result>(work: () => Result): Promise<Result> {
    return this.#add(true, true, 0, work);
  }

  /** Does `work` outside of transactions, once all that was written before this call is durable; it may see later writes, too. */
  afterWrites<Result>(work: () => Result): Promise<Result> {
    return this.#add(false, true, 0, work);
  }

  /** @throws APP_STOPPED once it is closed · STORE_DAMAGED once the file was found to be. */
  checkOpen(): void {
    if (this.#closed) throw new NexusError("APP_STOPPED", {});
    if (this.#failures.damage !== undefined) throw this.#failures.damage;
  }

  /** Commits and answers all that waits; later calls are refused. */
  close(): void {
    this.#closed = true;
    while (this.#waiting.length > 0) this.#commit();
  }

  #add<Result>(writes: boolean, looks: boolean, bytes: number, work: () => unknown): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.checkOpen();
      const call: Call = { writes, looks, bytes, work, resolve, reject };
      if (call.looks && this.#waiting.length === 0 && (call.writes || !this.#turn.isLong)) return this.#attempt(call)();
      this.#waiting.push(call);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#waiting.length > 0) this.#commit();
      // The rest in the next turn: sockets and timers have theirs in between.
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #commit(): void {
    const batch = this.#nextBatch();
    const writes = batch.filter((call) => call.writes);
    const answers = writes.every((call) => call.looks) ? writes.map((call) => this.#attempt(call)) : this.#write(writes);
    let write = 0;
    const late: Call[] = [];
    for (const call of batch) {
      if (call.writes) answers[write++]?.();
      else if (this.#turn.isLong && !this.#closed) late.push(call);
      else this.#attempt(call)();
    }
    this.#waiting.unshift(...late);
  }

  /** @returns for each call how to answer it, now that its outcome is known. */
  #write(calls: readonly Call[]): readonly (() => void)[] {
    let answers: readonly (() => void)[];
    try {
      answers = this.#transact(() => {
        for (const participant of this.#participants) participant.begin();
        // A refusal, too, is answered after the commit: it may rest on what a neighbour wrote.
        const attempted = calls.map((call) => this.#attempt(call));
        for (const participant of this.#participants) participant.beforeCommit();
        return attempted;
      });
    } catch (error) {
      const failure = this.#failures.of(error);
      // What it left is forgotten at once: to who only looks, it never was.
      for (const participant of this.#participants) participant.begin();
      return calls.map((call) => (call.looks ? this.#attempt(call) : () => call.reject(failure)));
    }
    for (const participant of this.#participants) participant.committed();
    return answers;
  }

  #nextBatch(): readonly Call[] {
    let bytes = 0;
    let count = 0;
    for (const call of this.#waiting) {
      if (count === this.#tuning.batchCalls || (count > 0 && bytes + call.bytes > this.#tuning.batchBytes)) break;
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
  #attempt(call: Call): () => void {
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
