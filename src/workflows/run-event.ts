import { inherited } from "../events/context.ts";
import type { NewEvent } from "../events/event.ts";
import type { RunState } from "./run.ts";
import type { RunServices } from "./services.ts";

/** An event of a run's own stream: what surrounds it is the run's. @param traceparent of the span that the run is here, if it goes on here. */
export function runEvent(
  services: RunServices,
  state: RunState,
  type: string,
  data: object,
  traceparent: string | undefined = state.traceparent,
): NewEvent {
  const { channel, claim, metadata } = state;
  return {
    id: services.newId(),
    type,
    channel,
    source: services.source,
    ...inherited({ ...state, traceparent }),
    causationId: claim,
    visibility: "owner",
    data,
    ...(metadata !== undefined && type.startsWith("workflow.") && { metadata }),
  };
}

/** What the last event of a run says of how it went; a run that never started took no time. */
export function endOf(services: RunServices, state: RunState): { readonly inputs: RunState["inputs"]; readonly durationMs: number } {
  return { inputs: state.inputs, durationMs: state.started ? Math.max(0, services.clock.now() - state.startedAt) : 0 };
}
