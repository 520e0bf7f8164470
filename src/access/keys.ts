import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { NexusError } from "../errors.ts";
import type { NewEvent } from "../events/event.ts";
import { checkCallerId } from "../events/id.ts";
import { type Caller, type Principal, SCOPES, type Scope } from "../events/principal.ts";
import { CENTURY_MS, checkWhole } from "../events/whole.ts";
import { entriesUnder } from "../log/entries.ts";
import type { State } from "../log/state.ts";
import type { Clock } from "../observability/clock.ts";
import { LOCAL_USER } from "./authenticate.ts";

/** Where they are in State. */
export const KEYS_UNDER = "keys/";
const KEY = /^nexus_([0-9a-z]{12})_([A-Za-z0-9_-]{43})$/;
const ID_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz";
const MOST_KEYS = 10_000;
/** What a key that is not there is compared with: it takes as long as one that is. */
const NO_HASH = hashOf("");

/** An API key as it is shown: everything but the key. */
export interface KeyRecord {
  readonly id: string;
  /** Whom it stands for: the owner of whatever is done with it. */
  readonly userId: string;
  readonly scopes: readonly Scope[];
  /** What it is for, in words. */
  readonly name?: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
}

/** What a new key is made with. */
export interface NewKey {
  readonly userId: string;
  readonly scopes: readonly Scope[];
  readonly name?: string | undefined;
  /** Without it the key is good until it is revoked. */
  readonly expiresInMs?: number | undefined;
}

/** A key that has just been made: shown this once. */
export interface MadeKey extends KeyRecord {
  readonly key: string;
}

interface Kept extends KeyRecord {
  /** SHA-256 of the secret, base64url: a secret of 256 random bits needs no slower one. */
  readonly hash: string;
}

export interface KeyParts {
  readonly state: State;
  readonly clock: Clock;
  record(event: Pick<NewEvent, "type" | "data">): Promise<void>;
}

/** The API keys of an app: kept in State, known in memory. */
export class Keys {
  readonly #parts: KeyParts;
  readonly #keys: Map<string, Kept>;

  private constructor(parts: KeyParts, keys: Map<string, Kept>) {
    this.#parts = parts;
    this.#keys = keys;
  }

  static async open(parts: KeyParts): Promise<Keys> {
    const keys = new Map<string, Kept>();
    for await (const { value } of entriesUnder(parts.state, KEYS_UNDER)) keys.set((value as Kept).id, value as Kept);
    return new Keys(parts, keys);
  }

  /** Whether there has ever been one. That all were revoked opens nothing to everyone again. */
  get exist(): boolean {
    return this.#keys.size > 0;
  }

  /** The newest first. */
  list(): readonly KeyRecord[] {
    return [...this.#keys.values()].map(shown).sort((one, other) => other.createdAt - one.createdAt || (one.id < other.id ? 1 : -1));
  }

  /** @throws OPTION_INVALID · OVERLOADED */
  async create({ userId, scopes, name, expiresInMs }: NewKey): Promise<MadeKey> {
    checkCallerId("userId", userId);
    // Or whoever gets the key would own what was recorded before there were credentials.
    if (userId === LOCAL_USER) throw invalid("userId", `${LOCAL_USER} stands for callers without credentials`);
    if (scopes.length === 0) throw invalid("scopes", "there is none");
    const unknown = scopes.find((scope) => !SCOPES.includes(scope));
    if (unknown !== undefined) throw invalid("scopes", `there is no scope ${String(unknown)}; there are ${SCOPES.join(", ")}`);
    if (!this.exist && !scopes.includes("admin"))
      throw invalid("scopes", "the first key needs admin: from then on every call needs a credential, and nobody else could make more");
    checkWhole("expiresInMs", expiresInMs, 1, CENTURY_MS);
    if (this.#keys.size >= MOST_KEYS) throw new NexusError("OVERLOADED", { retryAfterMs: 60_000, what: "API keys" });
    const now = this.#parts.clock.now();
    return await this.#make({
      userId,
      scopes: [...new Set(scopes)],
      createdAt: now,
      ...(name !== undefined && { name }),
      ...(expiresInMs !== undefined && { expiresAt: now + expiresInMs }),
    });
  }

  /** One that is revoked already stays as it is. @throws KEY_NOT_FOUND */
  async revoke(id: string): Promise<KeyRecord> {
    const kept = this.#get(id);
    if (kept.revokedAt !== undefined) return shown(kept);
    const revoked = { ...kept, revokedAt: this.#parts.clock.now() };
    await this.#keep(revoked);
    await this.#parts.record({ type: "key.revoked", data: { keyId: id, owner: kept.userId } });
    return shown(revoked);
  }

  /**
   * A new key for the same; the old one goes on for `overlapMs`, so that whoever uses it can change over.
   *
   * @throws KEY_NOT_FOUND, also for one that is good no more
   */
  async rotate(id: string, overlapMs: number): Promise<MadeKey> {
    checkWhole("overlapMs", overlapMs, 0, CENTURY_MS);
    const kept = this.#get(id);
    if (!this.#isGood(id)) throw new NexusError("KEY_NOT_FOUND", { keyId: id });
    const { userId, scopes, name, createdAt, expiresAt } = kept;
    const now = this.#parts.clock.now();
    const made = await this.#make({
      userId,
      scopes,
      createdAt: now,
      ...(name !== undefined && { name }),
      // As long as the old one was made for.
      ...(expiresAt !== undefined && { expiresAt: now + (expiresAt - createdAt) }),
    });
    await this.#keep({ ...kept, expiresAt: Math.min(expiresAt ?? Number.POSITIVE_INFINITY, now + overlapMs) });
    return made;
  }

  /** Whose key it is; `undefined` for what is none, or is good no more: in the same time, whichever it is. */
  callerOf(key: string): Caller | undefined {
    const [, id = "", secret = ""] = KEY.exec(key) ?? [];
    const kept = this.#keys.get(id);
    const same = timingSafeEqual(Buffer.from(hashOf(secret)), Buffer.from(kept?.hash ?? NO_HASH));
    return same && kept !== undefined ? this.callerById(id, kept) : undefined;
  }

  /** The same of a key that was shown before. */
  callerById(id: string, { userId, scopes }: Principal): Caller | undefined {
    const lapsed = (): boolean => !this.#isGood(id);
    return lapsed() ? undefined : { userId, scopes, keyId: id, until: this.#keys.get(id)?.expiresAt, lapsed };
  }

  #isGood(id: string): boolean {
    const kept = this.#keys.get(id);
    return kept !== undefined && isGood(kept, this.#parts.clock.now());
  }

  #get(id: string): Kept {
    const kept = this.#keys.get(id);
    if (kept === undefined) throw new NexusError("KEY_NOT_FOUND", { keyId: id.slice(0, 100) });
    return kept;
  }

  async #make(of: Omit<KeyRecord, "id">): Promise<MadeKey> {
    const id = Array.from(randomBytes(12), (byte) => ID_CHARACTERS[byte % ID_CHARACTERS.length]).join("");
    const secret = randomBytes(32).toString("base64url");
    const kept: Kept = { id, ...of, hash: hashOf(secret) };
    await this.#keep(kept);
    const { userId, scopes, expiresAt } = kept;
    await this.#parts.record({
      type: "key.created",
      data: { keyId: id, owner: userId, scopes, ...(expiresAt !== undefined && { expiresAt }) },
    });
    return { ...shown(kept), key: `nexus_${id}_${secret}` };
  }

  async #keep(kept: Kept): Promise<void> {
    await this.#parts.state.put(KEYS_UNDER + kept.id, kept);
    this.#keys.set(kept.id, kept);
  }
}

/** Whether whoever has the key may call with it. */
export function isGood({ revokedAt, expiresAt }: Pick<KeyRecord, "revokedAt" | "expiresAt">, now: number): boolean {
  return revokedAt === undefined && (expiresAt === undefined || now < expiresAt);
}

function shown({ hash: _hash, ...record }: Kept): KeyRecord {
  return record;
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}

function invalid(option: string, reason: string): NexusError {
  return new NexusError("OPTION_INVALID", { option, reason });
}
