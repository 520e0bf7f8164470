import { NexusError } from "../errors.ts";
import { type EventFilter, filterOf } from "../events/event-filter.ts";
import type { Filter } from "../events/filter.ts";
import { checkWhole } from "../events/whole.ts";
import type { Deliver, Sink } from "../sinks/sink.ts";
import { checkPolicy, POLICY, type RetryPolicy } from "./retry.ts";
import type { After } from "./subscription.ts";

export interface ConsumerOptions<T, W> extends EventFilter<T, W> {
  /** Where a name never seen before begins; default "latest". A known one goes on where it was. */
  readonly from?: After | undefined;
  /** Default: 20 attempts, base 1_000, cap 900_000. */
  readonly retry?: RetryPolicy | undefined;
  /** Of one try; default 30_000. */
  readonly timeoutMs?: number | undefined;
  /** What comes after an event that could not be delivered: the next one (default), or nothing until someone resumes it. */
  readonly onDeadLetter?: "continue" | "stop" | undefined;
  /** Deliveries at once, in order only among events of one run, else one session; 1 to 100. Default 1: all in order. */
  readonly concurrency?: number | undefined;
}

/** What a consumer does, as its code says, checked. */
export interface ConsumerPlan {
  readonly name: string;
  readonly filter: Filter;
  readonly from: After;
  readonly policy: Required<RetryPolicy>;
  readonly timeoutMs: number;
  readonly stopsAtDeadLetter: boolean;
  readonly concurrency: number;
  readonly sink: Sink<never>;
}

/** Printable ASCII, because it goes into headers; without "/", which ends it in an idempotency key. */
const NAME = /^(?=.{1,128}$)[A-Za-z0-9](?:[ -.0-~]*[!-.0-~])?$/;
const FIELDS: readonly string[] = [
  "type",
  "workflow",
  "channel",
  "runId",
  "sessionId",
  "userId",
  "correlationId",
  "broadcast",
] satisfies readonly (keyof EventFilter)[];
const OWN: readonly string[] = ["from", "retry", "timeoutMs", "onDeadLetter", "concurrency"];
/** As many as may be tried again at once: what is kept of each is in one value of State. */
const MOST_AT_ONCE = 100;
const TIMEOUT_MS = 30_000;

/** @throws NAME_INVALID · OPTION_INVALID · FILTER_INVALID */
export function consumerPlan(name: string, options: ConsumerOptions<any, any>, to: Deliver<never>): ConsumerPlan {
  if (typeof name !== "string" || !NAME.test(name))
    throw new NexusError("NAME_INVALID", {
      name: String(name).slice(0, 200),
      reason: "a consumer's name is 1 to 128 printable ASCII characters without /, the first a letter or digit, the last no space",
    });
  const { from = "latest", retry, timeoutMs = TIMEOUT_MS, onDeadLetter = "continue", concurrency = 1 } = options;
  checkOptions(options);
  if (onDeadLetter !== "continue" && onDeadLetter !== "stop") throw invalid("onDeadLetter", "it is continue or stop");
  if (typeof from !== "string" && !(from instanceof Date)) throw invalid("from", "it is earliest, latest, a cursor, time:… or a Date");
  checkWhole("timeoutMs", timeoutMs, 1);
  checkWhole("concurrency", concurrency, 1);
  if (concurrency > MOST_AT_ONCE) throw invalid("concurrency", `${concurrency} is more than ${MOST_AT_ONCE}`);
  checkPolicy(retry);
  const { attempts = POLICY.attempts, baseMs = POLICY.baseMs, capMs = POLICY.capMs } = retry ?? {};
  return {
    name,
    filter: filterOf(options, OWN),
    from,
    policy: { attempts, baseMs, capMs },
    timeoutMs,
    stopsAtDeadLetter: onDeadLetter === "stop",
    concurrency,
    sink: sinkOf(to),
  };
}

function checkOptions(options: ConsumerOptions<any, any>): void {
  // The filter says what it thinks of since and until.
  const known = [...FIELDS, ...OWN, "since", "until"];
  for (const option of Object.keys(options)) {
    if (!known.includes(option)) throw invalid(option, `there is no such option; there are ${[...FIELDS, ...OWN].join(", ")}`);
  }
  for (const option of Object.keys(options.retry ?? {})) {
    if (!(option in POLICY)) throw invalid(`retry.${option}`, `there is no such option; there are ${Object.keys(POLICY).join(", ")}`);
  }
}

function sinkOf(to: Deliver<never>): Sink<never> {
  if (typeof to === "function") return { name: "function", deliver: to };
  if (typeof (to as Partial<Sink> | undefined)?.deliver === "function") return to;
  throw invalid("to", "it is neither a function nor a sink, which has a deliver function");
}

function invalid(option: string, reason: string): NexusError {
  return new NexusError("OPTION_INVALID", { option, reason });
}
