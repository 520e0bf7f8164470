import type { ServerContext } from "@modelcontextprotocol/server";
import { background, type Clock } from "../../observability/clock.ts";
import type { Progress } from "../../operations/operation.ts";

const EVERY_MS = 10_000;
/** Nobody reads faster. */
const LEAST_MS = 100;
/** The protocol wants each value above the last; this is not seen. */
const BIT = 0.001;

/** Tells the caller of a tool that it is under way: at once, every 10 s, and when there is news. */
export class Telling {
  readonly #send: (progress: number, message: string | undefined) => void;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  #progress = 0;
  #message: string | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** `undefined` when the caller did not ask for it. */
  static of(ctx: ServerContext, clock: Clock): Telling | undefined {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    if (progressToken === undefined) return undefined;
    return new Telling((progress, message) => {
      const params = { progressToken, progress, total: 100, ...(message !== undefined && { message }) };
      // Only a view of what goes on: whoever is gone misses nothing by it.
      ctx.mcpReq.notify({ method: "notifications/progress", params }).catch(() => {});
    }, clock);
  }

  private constructor(send: (progress: number, message: string | undefined) => void, clock: Clock) {
    this.#send = send;
    this.#clock = background(clock);
    this.#tellNow();
    void this.#repeat();
  }

  tell({ percentage = 0, message = this.#message }: Progress): void {
    this.#progress = Math.max(this.#progress, percentage);
    this.#message = message;
    if (!this.#ended.signal.aborted && this.#clock.now() - this.#toldAt >= LEAST_MS) this.#tellNow();
  }

  end(): void {
    this.#ended.abort();
  }

  #tellNow(): void {
    this.#toldAt = this.#clock.now();
    this.#send(this.#progress, this.#message);
    this.#progress += BIT;
  }

  async #repeat(): Promise<void> {
    const { signal } = this.#ended;
    try {
      for (;;) {
        await this.#clock.sleep(EVERY_MS, signal);
        this.#tellNow();
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}
