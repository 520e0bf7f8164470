import { type Clock, NEEDLESS } from "../observability/clock.ts";

interface Turn {
  readonly calls: Set<() => void>;
  readonly over: AbortController;
}

/** Ends what takes too long. All that begins in one turn of the event loop shares a timer: most of it is over before the turn is. */
export class TimeLimits {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #turn: Turn | undefined;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** @param expired is called once the time is over. @returns what to call when it is not waited for any more. */
  begin(expired: () => void): () => void {
    this.#turn ??= this.#newTurn();
    const { calls, over } = this.#turn;
    calls.add(expired);
    return () => {
      calls.delete(expired);
      if (calls.size === 0 && this.#turn?.calls !== calls) over.abort(NEEDLESS);
    };
  }

  #newTurn(): Turn {
    const turn: Turn = { calls: new Set(), over: new AbortController() };
    this.#clock.sleep(this.#timeoutMs, turn.over.signal).then(
      () => {
        // Time has passed: whoever begins from now on has a time of their own.
        this.#turn = undefined;
        for (const expired of turn.calls) expired();
      },
      () => {}, // All had ended.
    );
    setImmediate(() => {
      if (this.#turn === turn) this.#turn = undefined;
      if (turn.calls.size === 0) turn.over.abort(NEEDLESS);
    });
    return turn;
  }
}
