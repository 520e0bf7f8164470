import { inherited } from "../events/context.ts";
import type { Workflow } from "../events/definitions.ts";
import type { NewEvent } from "../events/event.ts";
import type { JsonObject } from "../events/json.ts";
import type { StartOptions } from "./executor.ts";
import type { Secrets } from "./secrets.ts";
import type { RunServices } from "./services.ts";

/** What a caller gives a run. */
export interface Given {
  readonly inputs: JsonObject;
  readonly metadata?: JsonObject;
}

/** A copy: what the caller does to its objects afterwards changes nothing. */
export function givenCopy(inputs: JsonObject, metadata: JsonObject | undefined): Given {
  return JSON.parse(JSON.stringify({ inputs, metadata })) as Given;
}

/** What was given as it may be recorded; what that lacks is kept first. */
export async function withoutSecrets(secrets: Secrets, runId: string, { inputs, metadata }: Given): Promise<Given> {
  return {
    inputs: await secrets.keep(runId, "inputs", "inputs", inputs),
    ...(metadata !== undefined && { metadata: await secrets.keep(runId, "metadata", "metadata", metadata) }),
  };
}

/** The first event of a run: its own call surrounds it. */
export function firstEvent(
  services: RunServices,
  workflow: Workflow,
  runId: string,
  options: StartOptions,
  type: string,
  data: object,
): NewEvent {
  const around = services.context();
  const { sessionId = around?.sessionId, userId = around?.userId, metadata } = options;
  const id = services.newId();
  return {
    id,
    type,
    channel: around?.channel ?? "app",
    source: services.source,
    ...inherited({ ...around, sessionId, userId, workflowName: workflow.name, runId, correlationId: around?.correlationId ?? id }),
    visibility: "owner",
    data,
    ...(metadata !== undefined && { metadata }),
  };
}
