import { NexusError } from "../../../errors.ts";
import { type Check, fail, ok, warn } from "./check.ts";

/** Whether the server that commands ask answers, and takes the credential. */
export const credential: Check = ({ url, health }) => {
  const key = process.env.NEXUS_API_KEY ? "NEXUS_API_KEY" : undefined;
  if (!(health instanceof Error)) return ok(`${url} answers; ${key === undefined ? "it asks for no credential" : "NEXUS_API_KEY is good"}`);
  if (NexusError.is(health, "FORBIDDEN")) return ok(`${url} answers; ${key ?? "the caller"} is known, and has not the scope admin`);
  if (NexusError.is(health, "UNAUTHENTICATED"))
    return key === undefined
      ? warn(`${url} asks for a credential, and NEXUS_API_KEY is not set`, "set it to a key; nexus keys create USER makes one")
      : fail(`NEXUS_API_KEY is not good for ${url}`, "set it to a key that is; nexus keys create USER makes one");
  if (NexusError.is(health, "SERVER_UNREACHABLE"))
    return warn(`nothing answers at ${url}`, "nexus start serves an app; --url or NEXUS_URL names another server");
  return fail(`${url}: ${health.message}`, "--url or NEXUS_URL names another server");
};
