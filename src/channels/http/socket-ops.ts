import Type, { type TObject } from "typebox";
import type { App } from "../../app.ts";
import { NexusError } from "../../errors.ts";
import { checkInput } from "../../operations/input.ts";
import type { Answer, Call, Operation } from "../../operations/operation.ts";
import { perform } from "../../operations/perform.ts";
import { operationNamed } from "../../operations/table.ts";

/** A frame from the client that is one of the protocol's: an op, and the id its answer bears. */
export interface ClientFrame {
  readonly op: string;
  readonly id: string;
  readonly [field: string]: unknown;
}

const ID = /^[A-Za-z0-9_-]{1,32}$/;
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  authenticate: ["credential"],
  subscribe: ["filter", "after", "onLoss"],
  unsubscribe: [],
  emit: ["input"],
  execute: ["input"],
  ping: [],
};

/** @throws PROTOCOL_INVALID for a frame that cannot be answered: no JSON object, no id. */
export function readFrame(text: string): ClientFrame {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch (cause) {
    throw new NexusError("PROTOCOL_INVALID", { reason: "it is not JSON" }, { cause });
  }
  if (typeof frame !== "object" || frame === null || Array.isArray(frame))
    throw new NexusError("PROTOCOL_INVALID", { reason: "it is not a JSON object" });
  const { id } = frame as { id?: unknown };
  if (typeof id !== "string" || !ID.test(id))
    throw new NexusError("PROTOCOL_INVALID", { reason: "its id is not 1 to 32 of A-Z a-z 0-9 _ -" });
  return frame as ClientFrame;
}

/** @throws PROTOCOL_INVALID for an op or a field that the protocol does not have. */
export function checkFrame(frame: ClientFrame): void {
  // Not every object that JSON can be has a text: its toString may be a field.
  const op: unknown = frame.op;
  const fields = typeof op === "string" && Object.hasOwn(FIELDS, op) ? FIELDS[op] : undefined;
  if (fields === undefined) {
    const told = typeof op === "string" ? `there is no op ${op.slice(0, 50)}` : "its op is not a text";
    throw new NexusError("PROTOCOL_INVALID", { reason: `${told}; there are ${Object.keys(FIELDS).join(", ")}` });
  }
  for (const field of Object.keys(frame)) {
    if (field !== "op" && field !== "id" && !fields.includes(field))
      throw new NexusError("PROTOCOL_INVALID", { reason: `${frame.op} has no field ${field.slice(0, 50)}` });
  }
}

/** Does `emit` and `execute`: the operations of the table, with their whole input in one object. */
export async function callOperation(app: App, frame: ClientFrame, call: Call): Promise<Answer> {
  const operation = operationNamed(frame.op === "emit" ? "events.emit" : "workflows.execute");
  return await perform(app, operation, () => inputOf(operation, frame), call);
}

function inputOf(operation: Operation, { input }: ClientFrame): object {
  if (typeof input !== "object" || input === null || Array.isArray(input))
    throw new NexusError("REQUEST_INVALID", { faults: [{ path: "input", message: "is not an object" }] });
  checkInput(inputSchema(operation), input as Readonly<Record<string, unknown>>);
  return input;
}

const schemas: WeakMap<Operation, TObject> = new WeakMap();

/** Path, query and body of an operation as one object. */
function inputSchema(operation: Operation): TObject {
  let schema = schemas.get(operation);
  if (schema === undefined) {
    schema = Type.Object(
      { ...operation.params.properties, ...operation.query.properties, ...operation.body?.properties },
      { additionalProperties: false },
    );
    schemas.set(operation, schema);
  }
  return schema;
}
