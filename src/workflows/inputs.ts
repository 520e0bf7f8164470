import { NexusError } from "../errors.ts";
import type { Workflow } from "../events/definitions.ts";
import { jsonFault, utf8Bytes } from "../events/json.ts";
import type { Limits } from "../events/limits.ts";
import { codeOf } from "./workflow.ts";

/** @returns their size in bytes of JSON. @throws INPUT_INVALID for what is no JSON object · EVENT_TOO_LARGE */
export function inputsSize(workflow: string, inputs: unknown, limits: Limits): number {
  const isObject = typeof inputs === "object" && inputs !== null && !Array.isArray(inputs);
  const fault = isObject ? jsonFault(inputs, limits.nesting) : { path: "", message: "is not an object" };
  if (fault !== undefined) throw new NexusError("INPUT_INVALID", { workflow, faults: [fault] });
  const bytes = utf8Bytes(JSON.stringify(inputs));
  if (bytes > limits.resultBytes) throw new NexusError("EVENT_TOO_LARGE", { bytes, limit: limits.resultBytes, part: "inputs" });
  return bytes;
}

/** @returns their size. @throws INPUT_INVALID with every fault · EVENT_TOO_LARGE */
export function checkInputs(workflow: Workflow, inputs: unknown, limits: Limits): number {
  const bytes = inputsSize(workflow.name, inputs, limits);
  const faults = codeOf(workflow).inputs?.parse(inputs).faults;
  if (faults !== undefined) throw new NexusError("INPUT_INVALID", { workflow: workflow.name, faults });
  return bytes;
}
