import type { App } from "../app.ts";
import { NexusError } from "../errors.ts";
import type { Answer, Call, Operation } from "./operation.ts";

/**
 * Does an operation for a caller from outside: the one way from a channel to it.
 *
 * @param input reads it, once it is known that the caller may ask at all.
 * @throws UNAUTHENTICATED · FORBIDDEN · what reading the input and the operation throw
 */
export async function perform(app: App, operation: Operation, input: () => object | Promise<object>, call: Call): Promise<Answer> {
  const { access } = app;
  access.check(operation.scope);
  const { caller } = access;
  const answering = operation.run(app, (await input()) as never, call);
  const mayWait = operation.method === "GET" || "waitMs" in operation.query.properties;
  if (!mayWait) return await answering;
  await answering.catch(() => {});
  // It may have waited for long: what came after its credential had ended is not its caller's to read, be it an answer or an error.
  if (access.hasLapsed(caller)) throw new NexusError("UNAUTHENTICATED", {}, { detail: "The credential is good no more." });
  return await answering;
}
