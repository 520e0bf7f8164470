import { memoryStore, type NexusEvent, type OpenStore, type Store } from "nexus-event-system";

type Log = OpenStore["log"];
type State = OpenStore["state"];
type NewEvent = Parameters<Log["append"]>[0];

/** A store whose opened log the test holds, too: it can do what another process would. */
export interface HeldStore {
  readonly store: Store;
  readonly log: Log;
  readonly state: State;
}

/** @param around may wrap what is opened, each time. */
export function heldStore(around: (opened: OpenStore) => OpenStore = (opened) => opened): HeldStore {
  const inner = memoryStore();
  let held: OpenStore | undefined;
  const opened = (): OpenStore => {
    if (held === undefined) throw new Error("the store is not open");
    return held;
  };
  return {
    store: {
      name: inner.name,
      durability: inner.durability,
      open: async (setup) => {
        held = await inner.open(setup);
        return around(held);
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    },
    get log() {
      return opened().log;
    },
    get state() {
      return opened().state;
    },
  };
}

/** An event of a run as another process would record it. */
export function foreign(of: NexusEvent<string, any>, type: string, data: object): NewEvent {
  const { channel, workflowName, runId, correlationId } = of;
  return {
    id: crypto.randomUUID(),
    type,
    channel,
    source: "other/process",
    ...(workflowName !== undefined && { workflowName }),
    ...(runId !== undefined && { runId }),
    ...(correlationId !== undefined && { correlationId }),
    visibility: "owner",
    data,
  };
}

/** Appends an event of another process to a run, behind whatever is its last. */
export async function appendForeign(log: Log, of: NexusEvent<string, any>, type: string, data: object): Promise<void> {
  const event = foreign(of, type, data);
  await log.append(event);
}
