import {
  type Attributes,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** Sampled, and random trace id: the flags that version 00 has. */
const KNOWN_FLAGS = 0b11;

/**
 * The `traceparent` of a caller, as this version of it is written.
 *
 * @returns `undefined` for none and for a malformed one, which is as if there were none.
 * @see W3C Trace Context, sections 3.2 and 4.3
 */
export function readTraceparent(header: string | null | undefined): string | undefined {
  const [, version = "ff", traceId = "", parentId = "", flags = "", more] = TRACEPARENT.exec(header ?? "") ?? [];
  if (version === "ff" || /^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  // A later version may say more than this one, which then takes what it knows of it.
  if (version === "00") return more === undefined ? (header as string) : undefined;
  return `00-${traceId}-${parentId}-${hex(Number.parseInt(flags, 16) & KNOWN_FLAGS)}`;
}

/** That of the span that is active here, if the process has tracing. */
export function activeTraceparent(): string | undefined {
  return traceparentOf(trace.getSpanContext(context.active()));
}

/** Calls as part of a trace, or of none: whoever asks for the active span in there is told of that one, not of whatever was active around. */
export function inTrace<T>(traceparent: string | undefined, call: () => T): T {
  return activeTraceparent() === traceparent ? call() : context.with(contextIn(traceparent), call);
}

/** Work that is a span, if the process has tracing. */
export interface TracedWork {
  /** What is recorded within it carries this: the span's own, or without tracing the one it was given. */
  readonly traceparent: string | undefined;
  /** Calls with the span active. */
  within<T>(call: () => T): T;
  /** @param failure why it failed, if it did. */
  end(failure?: { readonly name: string; readonly message: string }): void;
}

/** @param traceparent what the span is a child of. */
export function tracedWork(name: string, traceparent: string | undefined, attributes: Attributes): TracedWork {
  // Where nobody registered a tracer this is no span, and has the identity of the one around it.
  const span: Span = trace.getTracer("nexus-event-system").startSpan(name, { attributes }, contextIn(traceparent));
  return {
    traceparent: traceparentOf(span.spanContext()),
    within: (call) => context.with(trace.setSpan(ROOT_CONTEXT, span), call),
    end: (failure) => {
      if (failure !== undefined) {
        span.recordException(failure);
        span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
      }
      span.end();
    },
  };
}

function contextIn(traceparent: string | undefined): typeof ROOT_CONTEXT {
  if (traceparent === undefined) return ROOT_CONTEXT;
  const [, traceId = "", spanId = "", flags = ""] = traceparent.split("-");
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true });
}

function traceparentOf(span: SpanContext | undefined): string | undefined {
  return span !== undefined && isSpanContextValid(span) ? `00-${span.traceId}-${span.spanId}-${hex(span.traceFlags)}` : undefined;
}

function hex(flags: number): string {
  return flags.toString(16).padStart(2, "0");
}
