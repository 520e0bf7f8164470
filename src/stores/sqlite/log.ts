import { NexusError } from "../../errors.ts";
import { streamOf } from "../../events/built-in.ts";
import type { NewEvent, StoredEvent } from "../../events/event.ts";
import { bodyOf, isRepeat } from "../../log/event-body.ts";
import type { Head, Log, LogPage, Position, ReadQuery } from "../../log/log.ts";
import { pageLimit, pageOf, rangeOf } from "../../log/page.ts";
import type { Waiters } from "../../log/waiters.ts";
import type { CommitQueue, Participant } from "./commit-queue.ts";
import type { EventRows } from "./event-rows.ts";
import type { Matches } from "./matches.ts";
import type { Meta } from "./meta.ts";
import type { PostingIndex } from "./posting-index.ts";
import type { StreamHead, StreamHeads } from "./stream-heads.ts";
import type { Transact } from "./transaction.ts";
import type { Tuning } from "./tuning.ts";

const TRIM_AT_ONCE = 1000;

/** What the log is made of. */
export interface LogParts {
  readonly rows: EventRows;
  readonly index: PostingIndex;
  readonly matches: Matches;
  readonly heads: StreamHeads;
  readonly meta: Meta;
  readonly waiters: Waiters;
  readonly transact: Transact;
  readonly tuning: Tuning;
  readonly now: () => number;
}
