import type { HandlerFilter, Nexus } from "./api.ts";
import { NexusError } from "./errors.ts";
import type { BuiltInEvent, BuiltInType } from "./events/built-in.ts";

/**
 * `@on(app, "workflow.completed", { channel: "api" })` on a method: each instance listens from its construction, as long as the app lives.
 * The app then holds the instance; `filter.signal` ends the listening of all of them.
 *
 * A TC39 decorator. The method is called by its name: a subclass that overrides it is heard with its own.
 */
export function on<T extends BuiltInType>(
  app: Nexus,
  type: T,
  filter: HandlerFilter = {},
): <This>(method: (this: This, event: BuiltInEvent<T>) => unknown, context: ClassMethodDecoratorContext<This>) => void {
  return <This>(_method: (this: This, event: BuiltInEvent<T>) => unknown, context: ClassMethodDecoratorContext<This>) => {
    checkMethod(context);
    context.addInitializer(function (this: This) {
      app.onEvent(type, filter, (event) => (context.access.get(this) as (this: This, event: unknown) => unknown).call(this, event));
    });
  };
}

function checkMethod(context: unknown): void {
  // What the older decorators of TypeScript pass here is the method's name.
  const kind = typeof context === "object" && context !== null ? (context as { kind?: string }).kind : undefined;
  if (kind === "method") return;
  const reason =
    kind === undefined ? "it is a TC39 decorator: compile without experimentalDecorators" : `it is for methods, not for a ${kind}`;
  throw new NexusError("OPTION_INVALID", { option: "@on", reason });
}
