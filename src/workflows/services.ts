import type { Context } from "../events/context.ts";
import type { Emitter } from "../events/emitter.ts";
import type { NexusEvent } from "../events/event.ts";
import type { Limits } from "../events/limits.ts";
import type { OpenRegistry } from "../events/registry.ts";
import type { Owner } from "../log/emitter.ts";
import type { Feed } from "../log/feed.ts";
import type { Log } from "../log/log.ts";
import type { Recorder } from "../log/recorder.ts";
import type { State } from "../log/state.ts";
import type { Clock } from "../observability/clock.ts";
import type { Counters } from "../observability/counters.ts";
import type { Logger } from "../observability/logger.ts";
import type { Secrets } from "./secrets.ts";

/** What an app gives its runs. */
export interface RunServices {
  readonly log: Log;
  readonly state: State;
  readonly feed: Feed;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly limits: Limits;
  readonly secrets: Secrets;
  /** `source` of what this process records. */
  readonly source: string;
  readonly emitter: Emitter<OpenRegistry>;
  /** Whether an event is not for the eyes of whoever owns a run. */
  isHidden(event: NexusEvent, owner: string | undefined): boolean;
  newId(): string;
  /** Calls with `context` around it. */
  within<T>(context: Context, call: () => T): T;
  /** Whose is what happens in a session that a caller names, if it names one. @throws SESSION_NOT_FOUND · SESSION_ENDED */
  ownerIn(sessionId: string | undefined): Owner | Promise<Owner>;
  /** What surrounds the present call. */
  context(): Context | undefined;
}
