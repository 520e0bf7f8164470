import type { Logger } from "../observability/logger.ts";
import type { HandlerContext } from "./handlers.ts";

/** What one call of a handler is given. Its signal is made when it asks for it: most never do. */
export class HandlerCall implements HandlerContext {
  readonly log: Logger;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;
  #onAbort: ((reason: unknown) => void) | undefined;

  constructor(log: Logger) {
    this.log = log;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    return this.#controller.signal;
  }

  onAbort(heard: (reason: unknown) => void): void {
    this.#onAbort = heard;
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
    this.#onAbort?.(reason);
  }
}
