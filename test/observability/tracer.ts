import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import {
  type Attributes,
  type Context,
  type ContextManager,
  context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanStatus,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";

/** A span that has ended. */
export interface EndedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string | undefined;
  readonly attributes: Attributes;
  readonly status: SpanStatus;
}

/** Gives this process tracing, as an SDK does: contexts that follow asynchronous calls, and spans that are kept. @returns those that have ended. */
export function registerTracing(): { readonly ended: readonly EndedSpan[]; unregister(): void } {
  const ended: EndedSpan[] = [];
  trace.setGlobalTracerProvider({
    getTracer: () => {
      const startSpan = (name: string, options: { readonly attributes?: Attributes } = {}, within: Context = context.active()): Span =>
        newSpan(name, options.attributes ?? {}, trace.getSpanContext(within), (span) => ended.push(span));
      return {
        startSpan,
        startActiveSpan: (name: string, ...rest: readonly unknown[]): never => {
          const span = startSpan(name);
          return context.with(trace.setSpan(context.active(), span), rest.at(-1) as (span: Span) => never, undefined, span);
        },
      };
    },
  });
  context.setGlobalContextManager(contextManager());
  return {
    ended,
    unregister: () => {
      trace.disable();
      context.disable();
    },
  };
}

function newSpan(name: string, given: Attributes, parent: SpanContext | undefined, ended: (span: EndedSpan) => void): Span {
  const traceId = parent?.traceId ?? randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  const attributes: Attributes = { ...given };
  let status: SpanStatus = { code: SpanStatusCode.UNSET };
  let over = false;
  const span: Span = {
    spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
    setAttribute: (key, value) => {
      if (value !== undefined) attributes[key] = value;
      return span;
    },
    setAttributes: () => span,
    addEvent: () => span,
    addLink: () => span,
    addLinks: () => span,
    setStatus: (given) => {
      status = given;
      return span;
    },
    updateName: () => span,
    isRecording: () => !over,
    recordException: () => {},
    end: () => {
      if (over) throw new Error(`${name} ended twice`);
      over = true;
      ended({ name, traceId, spanId, parent: parent?.spanId, attributes, status });
    },
  };
  return span;
}

function contextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (within, call, self, ...args) => storage.run(within, () => call.apply(self as never, args)),
    bind: (_within, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}
