import { createHash } from "node:crypto";
import { NexusError } from "../errors.ts";
import type { EarlierEventTypes, EventTypeRecord, RegisteredEventType } from "../events/event-types.ts";
import type { Logger } from "../observability/logger.ts";
import { entriesUnder } from "./entries.ts";
import type { State } from "./state.ts";

const PREFIX = "event-types/";

/** The definition of the highest version that this log has seen. */
interface Kept extends EventTypeRecord {
  /** Of its schemas. */
  readonly digest: string;
  /** The digests of older versions: code that is rolled back may come with one of them. */
  readonly earlier: Readonly<Record<string, string>>;
}

interface Entry {
  kept: Kept;
  /** Of what State holds; 0: nothing. */
  revision: number;
  /** Under way. */
  writing?: Promise<void> | undefined;
}

/** The event types that State remembers, from this process and all before it. */
export class KeptEventTypes implements EarlierEventTypes {
  readonly #state: State;
  readonly #logger: Logger;
  readonly #entries: Map<string, Entry>;

  private constructor(state: State, logger: Logger, entries: Map<string, Entry>) {
    this.#state = state;
    this.#logger = logger;
    this.#entries = entries;
  }

  static async load(state: State, logger: Logger): Promise<KeptEventTypes> {
    const entries = new Map<string, Entry>();
    for await (const { value, revision } of entriesUnder(state, PREFIX)) {
      const kept = value as Kept;
      entries.set(kept.name, { kept, revision });
    }
    return new KeptEventTypes(state, logger, entries);
  }

  check({ record, canonical }: RegisteredEventType): void {
    const kept = this.#entries.get(record.name)?.kept;
    if (kept === undefined || record.version > kept.version) return;
    const digest = digestOf(canonical);
    const known = record.version === kept.version ? kept.digest : kept.earlier[record.version];
    // A number that was never used may be given to the last schema; any other schema needs a higher one.
    if (digest !== (known ?? kept.digest)) throw new NexusError("EVENT_TYPE_EXISTS", { type: record.name, version: kept.version });
  }

  /** Keeps a definition that `check` has passed, unless a higher version is kept. That it failed is logged: the next start tries again. */
  async keep({ record, canonical }: RegisteredEventType): Promise<void> {
    const { name, version } = record;
    const kept: Kept = { ...record, digest: digestOf(canonical), earlier: {} };
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = { kept, revision: 0 };
      this.#entries.set(name, entry);
    } else if (version < entry.kept.version) {
      this.#logger.warn({ type: name, version, highest: entry.kept.version }, "an event type was registered in an older version");
      return;
    } else if (version === entry.kept.version && record.description === entry.kept.description) return;
    else entry.kept = successor(kept, entry.kept);
    await this.#write(entry);
  }

  /** At once, in the order of calls; what comes while a write is under way is written behind it. */
  async #write(entry: Entry): Promise<void> {
    entry.writing ??= this.#put(entry)
      .catch((error: unknown) => this.#logger.error({ error, type: entry.kept.name }, "an event type was not kept"))
      .finally(() => {
        entry.writing = undefined;
      });
    await entry.writing;
  }

  async #put(entry: Entry): Promise<void> {
    const key = `${PREFIX}${Buffer.from(entry.kept.name).toString("base64url")}`;
    for (let written: Kept | undefined; written !== entry.kept; ) {
      written = entry.kept;
      entry.revision = await this.#state.put(key, written, { revision: entry.revision });
    }
  }
}

function successor(kept: Kept, before: Kept): Kept {
  const earlier: Record<string, string> = { ...before.earlier, ...kept.earlier, [before.version]: before.digest };
  delete earlier[kept.version];
  return { ...kept, earlier };
}

function digestOf(canonical: string): string {
  return createHash("sha256").update(canonical).digest("base64url");
}
