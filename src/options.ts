import type { JwtOptions } from "./access/jwt.ts";
import type { NexusOptions } from "./api.ts";
import { NexusError } from "./errors.ts";
import type { EventDefinition, Workflow } from "./events/definitions.ts";
import { isEventDefinition } from "./events/event-type.ts";
import { checkCallerId } from "./events/id.ts";
import { DEFAULT_LIMITS, type Limits } from "./events/limits.ts";
import { checkWhole } from "./events/whole.ts";
import type { RetentionLimits } from "./log/retention.ts";
import type { RunOptions } from "./workflows/context.ts";
import { isWorkflow } from "./workflows/workflow.ts";

const OPTIONS: readonly string[] = [
  "name",
  "events",
  "workflows",
  "eventTypes",
  "store",
  "http",
  "auth",
  "mcp",
  "limits",
  "redact",
  "retention",
  "logger",
  "clock",
] satisfies readonly (keyof NexusOptions)[];
const HTTP_OPTIONS: readonly string[] = [
  "host",
  "port",
  "allowedHosts",
  "allowedOrigins",
  "trustedProxies",
] satisfies readonly (keyof NonNullable<NexusOptions["http"]>)[];
const RETENTION_LIMITS: readonly string[] = ["maxAgeMs", "maxEvents", "maxBytes"] satisfies readonly (keyof RetentionLimits)[];
const AUTH_OPTIONS: readonly string[] = ["authenticate", "jwt"] satisfies readonly (keyof NonNullable<NexusOptions["auth"]>)[];
const JWT_OPTIONS: readonly string[] = ["issuer", "audience", "jwksUrl"] satisfies readonly (keyof JwtOptions)[];
const MCP_OPTIONS = ["toolPerWorkflow", "allowLoopback"] as const satisfies readonly (keyof Exclude<
  NexusOptions["mcp"],
  false | undefined
>)[];
const RUN_OPTIONS: readonly string[] = [
  "sessionId",
  "userId",
  "metadata",
  "signal",
  "idempotencyKey",
] satisfies readonly (keyof RunOptions)[];
const IDEMPOTENCY_KEY = /^[!-~]{1,255}$/;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** What an app is made with, checked. @throws OPTION_INVALID · OPTION_UNSUPPORTED for an option that this version does not have. */
export function checkOptions(options: NexusOptions<any, any, any>): void {
  for (const option of Object.keys(options)) if (!OPTIONS.includes(option)) throw new NexusError("OPTION_UNSUPPORTED", { option });
  for (const option of Object.keys(options.http ?? {}))
    if (!HTTP_OPTIONS.includes(option)) throw new NexusError("OPTION_UNSUPPORTED", { option: `http.${option}` });
  checkAuth(options.auth);
  checkMcp(options.mcp);
  if (options.name !== undefined && !NAME.test(options.name)) {
    throw new NexusError("OPTION_INVALID", { option: "name", reason: "it is not 1 to 64 of A-Z a-z 0-9 _ . -" });
  }
  if (options.eventTypes !== undefined && options.eventTypes !== "open" && options.eventTypes !== "strict") {
    throw new NexusError("OPTION_INVALID", { option: "eventTypes", reason: "it is open or strict" });
  }
}

function checkMcp(mcp: NexusOptions["mcp"]): void {
  if (mcp === undefined || mcp === false) return;
  if (typeof mcp !== "object" || mcp === null)
    throw new NexusError("OPTION_INVALID", { option: "mcp", reason: "it is false, or an object" });
  for (const option of Object.keys(mcp))
    if (!(MCP_OPTIONS as readonly string[]).includes(option)) throw new NexusError("OPTION_UNSUPPORTED", { option: `mcp.${option}` });
  for (const option of MCP_OPTIONS)
    if (mcp[option] !== undefined && typeof mcp[option] !== "boolean")
      throw new NexusError("OPTION_INVALID", { option: `mcp.${option}`, reason: "it is true or false" });
}

/** An app that was to have credentials must not open without them. */
function checkAuth(auth: NexusOptions["auth"]): void {
  if (auth === undefined) return;
  for (const option of Object.keys(auth))
    if (!AUTH_OPTIONS.includes(option)) throw new NexusError("OPTION_UNSUPPORTED", { option: `auth.${option}` });
  const { authenticate, jwt } = auth;
  if (authenticate === undefined && jwt === undefined)
    throw new NexusError("OPTION_INVALID", {
      option: "auth",
      reason: "it says neither authenticate nor jwt; leave it out for an app without credentials, or with API keys alone",
    });
  if (authenticate !== undefined && typeof authenticate !== "function")
    throw new NexusError("OPTION_INVALID", { option: "auth.authenticate", reason: "it is not a function" });
  if (jwt !== undefined) checkJwt(jwt);
}

function checkJwt(jwt: JwtOptions): void {
  for (const option of Object.keys(jwt))
    if (!JWT_OPTIONS.includes(option)) throw new NexusError("OPTION_UNSUPPORTED", { option: `auth.jwt.${option}` });
  for (const option of ["issuer", "audience"] as const)
    if (typeof jwt[option] !== "string" || jwt[option] === "")
      throw new NexusError("OPTION_INVALID", { option: `auth.jwt.${option}`, reason: "it is not a text" });
  // Over http whoever is in between could say which keys are good.
  const url = jwt.jwksUrl ?? jwt.issuer;
  if (!/^https:\/\/|^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/]|$)/.test(url))
    throw new NexusError("OPTION_INVALID", {
      option: jwt.jwksUrl === undefined ? "auth.jwt.issuer" : "auth.jwt.jwksUrl",
      reason: "it is not an https address",
    });
}

export function eventTypesIn(events: unknown): readonly EventDefinition[] {
  return valuesOf(events).filter(isEventDefinition);
}

export function workflowsIn(workflows: unknown): readonly Workflow[] {
  return valuesOf(workflows).filter(isWorkflow);
}

/** @throws OPTION_INVALID · OPTION_UNSUPPORTED */
export function limitsOf(given: NexusOptions["limits"] = {}): Limits {
  for (const [limit, value] of Object.entries(given)) {
    if (!(limit in DEFAULT_LIMITS)) throw new NexusError("OPTION_UNSUPPORTED", { option: `limits.${limit}` });
    checkWhole(`limits.${limit}`, value, 1);
  }
  return { ...DEFAULT_LIMITS, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

/** @throws OPTION_INVALID · OPTION_UNSUPPORTED */
export function retentionOf(given: NexusOptions["retention"] = {}): RetentionLimits {
  for (const [limit, value] of Object.entries(given)) {
    if (!RETENTION_LIMITS.includes(limit)) throw new NexusError("OPTION_UNSUPPORTED", { option: `retention.${limit}` });
    checkWhole(`retention.${limit}`, value, 1);
  }
  return given;
}

/** @throws OPTION_UNSUPPORTED · OPTION_INVALID */
export function checkRunOptions(options: RunOptions): void {
  for (const [option, value] of Object.entries(options)) {
    if (value !== undefined && !RUN_OPTIONS.includes(option)) throw new NexusError("OPTION_UNSUPPORTED", { option });
  }
  const { sessionId, userId, idempotencyKey } = options;
  for (const [option, value] of Object.entries({ sessionId, userId })) if (value !== undefined) checkCallerId(option, value);
  if (idempotencyKey !== undefined && (typeof idempotencyKey !== "string" || !IDEMPOTENCY_KEY.test(idempotencyKey))) {
    throw new NexusError("OPTION_INVALID", {
      option: "idempotencyKey",
      reason: "it is not 1 to 255 printable ASCII characters without space",
    });
  }
}

/** The members of an array, or of a module. */
function valuesOf(definitions: unknown): readonly unknown[] {
  return Object.values(definitions ?? {});
}
