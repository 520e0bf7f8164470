import type { App } from "../app.ts";
import type { Answer, Call, Operation } from "./operation.ts";

/**
 * Does an operation for a caller from outside: the one way from a channel to it.
 *
 * @param input reads it, once it is known that the caller may ask at all.
 * @throws UNAUTHENTICATED · FORBIDDEN · what reading the input and the operation throw
 */
export async function perform(app: App, operation: Operation, input: () => object | Promise<object>, call: Call): Promise<Answer> {
  app.access.check(operation.scope);
  return await operation.run(app, (await input()) as never, call);
}
