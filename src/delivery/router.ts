import { NexusError } from "../errors.ts";
import { consoleLogger } from "../observability/logger.ts";

type Routed = (event: any) => unknown;

/** Handlers by name, for events that come from elsewhere, or are to be shared out under names of your own. */
export class EventRouter {
  readonly #handlers = new Map<string, Set<{ readonly handler: Routed }>>();
  readonly #onError: (error: unknown, event: unknown) => unknown;

  /** @param options.onError hears of each handler that threw or rejected; by default it is written to standard error. */
  constructor(options: { readonly onError?: (error: unknown, event: unknown) => void } = {}) {
    const { onError = (error: unknown) => consoleLogger.error({ error }, "a routed handler failed") } = options;
    checkFunction("onError", onError);
    this.#onError = onError;
  }

  /** @returns a function that removes it. The same handler registered twice is called twice. */
  register(type: string, handler: (event: any) => unknown): () => void {
    checkType(type);
    checkFunction("handler", handler);
    const registered = { handler };
    const handlers = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, handlers.add(registered));
    return () => {
      handlers.delete(registered);
      if (handlers.size === 0 && this.#handlers.get(type) === handlers) this.#handlers.delete(type);
    };
  }

  /** Calls every handler of this type, in the order they were registered. Resolves when all have ended; it never rejects because of one. */
  async route(type: string, event: unknown): Promise<void> {
    checkType(type);
    const handlers = [...(this.#handlers.get(type) ?? [])];
    await Promise.all(handlers.map(({ handler }) => this.#call(handler, event)));
  }

  async #call(handler: Routed, event: unknown): Promise<void> {
    try {
      await handler(event);
    } catch (error) {
      try {
        await this.#onError(error, event);
      } catch (failure) {
        // Whoever hears of failures is one more that may fail.
        consoleLogger.error({ error, failure }, "a routed handler failed, and so did onError");
      }
    }
  }
}

function checkType(type: unknown): void {
  if (typeof type !== "string" || type === "") throw new NexusError("OPTION_INVALID", { option: "type", reason: "it is not a name" });
}

function checkFunction(option: string, value: unknown): void {
  if (typeof value !== "function") throw new NexusError("OPTION_INVALID", { option, reason: "it is not a function" });
}
