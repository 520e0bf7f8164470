import { NexusError } from "../errors.ts";
import type { Sight } from "../events/filter.ts";
import type { Principal, Scope } from "../events/principal.ts";

/** Whether a principal may do what needs a scope: `admin` may do everything, and who may read all events may read events. */
export function hasScope({ scopes }: Principal, scope: Scope): boolean {
  if (scopes.includes(scope) || scopes.includes("admin")) return true;
  return scope === "events:read" && scopes.includes("events:read:all");
}

/** @throws FORBIDDEN naming the scope. */
export function checkScope(principal: Principal, scope: Scope): void {
  if (!hasScope(principal, scope)) throw new NexusError("FORBIDDEN", { scope });
}

/** What a principal may see of the log; `undefined` for all of it. */
export function sightOf(principal: Principal): Sight | undefined {
  if (hasScope(principal, "events:read:all")) return undefined;
  const { userId } = principal;
  return {
    userId,
    sees: (event) => event.visibility === "public" || (event.visibility === "owner" && event.userId === userId),
  };
}
