import { AsyncLocalStorage } from "node:async_hooks";
import type { Flow } from "./flow.ts";

/** What is known of the message that is being answered, and the SDK does not carry. */
export interface Exchange {
  /** Where the answer goes. */
  readonly flow: Flow;
  /** The resources that a `subscriptions/listen` names. */
  readonly listensTo: readonly string[];
}

export const exchanges: AsyncLocalStorage<Exchange> = new AsyncLocalStorage<Exchange>();
