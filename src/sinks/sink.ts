import type { NexusEvent } from "../events/event.ts";
import type { Logger } from "../observability/logger.ts";

/** One try to deliver one event. */
export interface Delivery {
  readonly consumer: string;
  /** From 1. */
  readonly attempt: number;
  /** `<consumer>/<event id>`: the same on every try. */
  readonly idempotencyKey: string;
  /** Aborts after the consumer's `timeoutMs`, and on stop. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/**
 * Where a consumer delivers.
 *
 * To throw is to be tried again, by the consumer's retry policy; RetryAfter says when, and FatalError makes a dead letter at once.
 */
export interface Sink<in E = NexusEvent> {
  readonly name: string;
  readonly deliver: (event: E, delivery: Delivery) => unknown;
  /** Called once, when the app stops. */
  readonly close?: () => Promise<void>;
}
export type Deliver<E> = Sink<E> | ((event: E, delivery: Delivery) => unknown);
