import type { NewEvent, NexusEvent } from "../events/event.ts";
import type { Feed } from "../log/feed.ts";
import type { Log } from "../log/log.ts";
import type { State } from "../log/state.ts";
import type { Clock } from "../observability/clock.ts";
import type { Counters } from "../observability/counters.ts";
import type { Logger } from "../observability/logger.ts";

/** What an app gives its consumers. */
export interface ConsumerServices {
  readonly log: Log;
  readonly state: State;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
  /** `source` of what this process records. */
  readonly source: string;
  /** In [0, 1). */
  random(): number;
  record(event: NewEvent): Promise<unknown>;
  /** Calls within the context of an event. */
  within(event: NexusEvent, call: () => unknown): unknown;
}
