import { createHash } from "node:crypto";
import { NexusError } from "../errors.ts";
import { isCallerId } from "../events/id.ts";
import { type Caller, SCOPES, type Scope } from "../events/principal.ts";
import type { Clock } from "../observability/clock.ts";
import { LOCAL_USER } from "./authenticate.ts";

export interface JwtOptions {
  readonly issuer: string;
  readonly audience: string;
  /** Default: what `<issuer>/.well-known/openid-configuration` names. */
  readonly jwksUrl?: string | undefined;
}

/** Only those that need a private key: with the public one nobody can make a token. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"];
const MOST_KNOWN = 10_000;
const TOKEN_BYTES = 8_192;
/** Clocks differ by so much. */
const TOLERANCE_S = 5;
const FETCH_MS = 5_000;

type Jose = typeof import("jose");

interface Verifier {
  readonly jose: Jose;
  readonly keys: ReturnType<Jose["createRemoteJWKSet"]>;
}

/** Tokens of an identity provider: who they stand for, once their signature, issuer, audience and time have been checked. */
export class Tokens {
  readonly #options: JwtOptions;
  readonly #clock: Clock;
  /** Those that were checked, by hash, until they expire. */
  readonly #known = new Map<string, { readonly caller: Caller; readonly until: number }>();
  #verifier: Promise<Verifier> | undefined;

  constructor(options: JwtOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** @throws UNAUTHENTICATED, saying what is wrong with it · SIGN_IN_UNAVAILABLE when the provider's keys cannot be had. */
  async callerOf(token: string): Promise<Caller> {
    if (token.length > TOKEN_BYTES) throw unauthenticated("The token is too long.");
    const hash = createHash("sha256").update(token).digest("base64url");
    const known = this.#known.get(hash);
    if (known !== undefined && this.#clock.now() < known.until) return known.caller;
    const { jose, keys } = await this.#ready();
    const { issuer, audience } = this.#options;
    const options = { issuer, audience, algorithms: ALGORITHMS, clockTolerance: TOLERANCE_S, requiredClaims: ["exp", "sub"] };
    const { payload } = await jose
      .jwtVerify(token, keys, { ...options, currentDate: new Date(this.#clock.now()) })
      .catch((error: unknown) => this.#refuse(jose, error));
    const until = Number(payload.exp) * 1_000;
    const caller = { ...principalOf(payload), until, lapsed: () => this.#clock.now() >= until };
    this.#remember(hash, caller, until);
    return caller;
  }

  #remember(hash: string, caller: Caller, until: number): void {
    if (this.#known.size >= MOST_KNOWN) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(hash, { caller, until });
  }

  /** Loaded when the first token comes. What failed is tried again with the next. */
  #ready(): Promise<Verifier> {
    this.#verifier ??= this.#load().catch((cause: unknown) => {
      this.#verifier = undefined;
      throw new NexusError("SIGN_IN_UNAVAILABLE", { issuer: this.#options.issuer }, { cause });
    });
    return this.#verifier;
  }

  async #load(): Promise<Verifier> {
    const jose = await import("jose");
    const url = this.#options.jwksUrl ?? (await this.#discovered());
    return { jose, keys: jose.createRemoteJWKSet(new URL(url), { timeoutDuration: FETCH_MS }) };
  }

  #refuse({ errors }: Jose, error: unknown): never {
    if (error instanceof errors.JWTExpired) throw unauthenticated("The token has expired.", error);
    if (error instanceof errors.JWTClaimValidationFailed)
      throw unauthenticated(`The token is not for this server: its ${error.claim} is not what it must be.`, error);
    if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError))
      throw new NexusError("SIGN_IN_UNAVAILABLE", { issuer: this.#options.issuer }, { cause: error });
    throw unauthenticated("The token cannot be verified.", error);
  }

  async #discovered(): Promise<string> {
    const address = `${this.#options.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const response = await fetch(address, { signal: AbortSignal.timeout(FETCH_MS) });
    const { jwks_uri: url } = (await response.json()) as { readonly jwks_uri?: unknown };
    if (typeof url !== "string") throw new TypeError(`${address} names no jwks_uri`);
    return url;
  }
}

/** `sub` is the user; scopes are those of ours in `scope` (a text), `scp` or `permissions` (a list or a text). */
function principalOf(claims: Readonly<Record<string, unknown>>): { readonly userId: string; readonly scopes: readonly Scope[] } {
  const { sub } = claims;
  if (!isCallerId(sub) || sub === LOCAL_USER) throw unauthenticated("The token's sub cannot be a userId.");
  const given = ["scope", "scp", "permissions"].flatMap((claim) => words(claims[claim]));
  return { userId: sub, scopes: SCOPES.filter((scope) => given.includes(scope)) };
}

function words(claim: unknown): readonly unknown[] {
  if (typeof claim === "string") return claim.split(" ");
  return Array.isArray(claim) ? claim : [];
}

function unauthenticated(detail: string, cause?: unknown): NexusError {
  return new NexusError("UNAUTHENTICATED", {}, { detail, cause });
}
