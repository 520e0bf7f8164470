import { NexusError } from "../errors.ts";
import { type Context, type Emissions, inherited } from "../events/context.ts";
import type { EventDefinition } from "../events/definitions.ts";
import type { EmitOptions, Receipt } from "../events/emitter.ts";
import type { NewEvent, Visibility } from "../events/event.ts";
import { checkCustomType, isEventDefinition, parserOfDefinition } from "../events/event-type.ts";
import type { EventTypes } from "../events/event-types.ts";
import { checkCallerId, idUnder } from "../events/id.ts";
import { checkData, checkMetadata, type Limits } from "../events/limits.ts";
import { cursorOf } from "./cursor.ts";
import type { Position } from "./log.ts";
import type { Recorder } from "./recorder.ts";

export interface EmitterParts {
  readonly recorder: Recorder;
  readonly epoch: string;
  readonly source: string;
  readonly limits: Limits;
  readonly eventTypes: EventTypes;
  /** Whether types that are not registered are refused. */
  readonly strict: boolean;
  newId(): string;
  context(): Context | undefined;
  /** Whose is what is emitted in a session that the emitter names, if it names one. @throws SESSION_NOT_FOUND · SESSION_ENDED */
  ownerIn(sessionId: string | undefined): Owner | Promise<Owner>;
}

/** Whose is what happens in a session; nobody in particular outside of one. */
export interface Owner {
  readonly userId?: string | undefined;
}

const VISIBILITIES: readonly Visibility[] = ["public", "owner", "operators"];
const OPTIONS: readonly (keyof EmitOptions)[] = ["id", "sessionId", "userId", "correlationId", "metadata", "visibility"];

/** Records custom events: checked first, then given what surrounds them. */
export class LogEmitter {
  readonly #parts: EmitterParts;

  constructor(parts: EmitterParts) {
    this.#parts = parts;
  }

  /** Rejects, and never throws. */
  emit(type: EventDefinition | string, data: unknown, options: EmitOptions, broadcast: boolean): Promise<Receipt> {
    return this.#emit(type, data, options, broadcast, (position) => this.#receipt(position));
  }

  /** As `emit`. @returns also whether it was recorded now. */
  record(
    type: EventDefinition | string,
    data: unknown,
    options: EmitOptions,
    broadcast: boolean,
  ): Promise<Receipt & { readonly recorded: boolean }> {
    return this.#emit(type, data, options, broadcast, (position) => ({ ...this.#receipt(position), recorded: position.recorded }));
  }

  #emit<Told>(
    type: EventDefinition | string,
    data: unknown,
    options: EmitOptions,
    broadcast: boolean,
    told: (position: Position) => Told,
  ): Promise<Told> {
    try {
      const { event: draft, json: dataJson, bytes, emissions, earlier } = this.#event(type, data, options, broadcast);
      if (earlier !== undefined) return Promise.resolve(told({ id: draft.id, ...earlier, recorded: false }));
      const { recorder } = this.#parts;
      const append = (owner: Owner): Promise<Told> => {
        const event = owned(draft, owner, options);
        if (emissions === undefined) return recorder.append(event, { dataJson }, bytes).then(told);
        // What a run that was accepted emits waits for room and for the store; anyone else is told.
        return emissions.kept(() => recorder.append(event, { dataJson })).then(told);
      };
      const owner = this.#parts.ownerIn(options.sessionId);
      // Only where something has to be looked up: else the event has its place among all calls.
      return owner instanceof Promise ? owner.then(append) : append(owner);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /** Rejects as `emit` does, but for what is known only when an event is recorded: whether its id is another's. */
  async check(type: EventDefinition | string, data: unknown, options: EmitOptions, broadcast: boolean): Promise<void> {
    this.#event(type, data, options, broadcast);
    await this.#parts.ownerIn(options.sessionId);
  }

  #event(
    given: EventDefinition | string,
    data: unknown,
    options: EmitOptions,
    broadcast: boolean,
  ): {
    readonly event: NewEvent;
    readonly json: string;
    readonly bytes: number;
    readonly emissions: Emissions | undefined;
    readonly earlier: { readonly sequence: number; readonly timestamp: number } | undefined;
  } {
    const type = isEventDefinition(given) ? given.name : given;
    checkCustomType(type);
    checkOptions(options);
    const value = this.#parse(given, type, data);
    // Made now: what the caller does to its object afterwards changes nothing.
    const { json, bytes } = checkData(type, value, this.#parts.limits);
    checkMetadata(type, options.metadata, this.#parts.limits);
    const around = this.#parts.context();
    // Before anything is made of it: of a million calls in one turn, those that are refused should cost little.
    if (around?.emissions === undefined) this.#parts.recorder.admit(bytes);
    else around.emissions.check();
    // An id of the caller's own is the caller's business; inside a run any other follows from the place in its code.
    const own = options.id === undefined ? around?.emissions?.next() : undefined;
    const id = options.id === undefined ? (own?.id ?? this.#parts.newId()) : recordedId(options.id, around);
    const { sessionId = around?.sessionId, userId = around?.userId, correlationId = around?.correlationId ?? id, metadata } = options;
    const event: NewEvent = {
      id,
      type,
      channel: around?.channel ?? "app",
      source: this.#parts.source,
      ...(around === undefined
        ? inherited({ sessionId, userId, correlationId })
        : inherited({ ...around, sessionId, userId, correlationId })),
      visibility: options.visibility ?? (broadcast ? "public" : userId !== undefined ? "owner" : "operators"),
      ...(broadcast && { broadcast: true as const }),
      data: value,
      ...(metadata !== undefined && { metadata }),
    };
    return { event, json, bytes, emissions: around?.emissions, earlier: own?.recorded };
  }

  #parse(given: EventDefinition | string, type: string, data: unknown): unknown {
    // What is registered decides: all events of a type fit its one schema, whoever emits them by which definition.
    const registered = this.#parts.eventTypes.get(type);
    if (registered === undefined && this.#parts.strict) throw this.#unregistered(type);
    const parser = registered === undefined ? isEventDefinition(given) && parserOfDefinition(given) : registered.parser;
    const parsed = parser ? parser.parse(data) : undefined;
    if (parsed === undefined) return data;
    if (parsed.faults !== undefined) throw new NexusError("EVENT_INVALID", { type, faults: parsed.faults });
    return parsed.value;
  }

  #unregistered(type: string): NexusError {
    const similar = this.#parts.eventTypes.similar(type);
    const meant = similar.length > 0 ? `; did you mean ${similar.join(" or ")}?` : "";
    return new NexusError("EVENT_TYPE_INVALID", { type, reason: `the app takes only event types that are registered${meant}` });
  }

  #receipt({ id, sequence, timestamp }: Pick<Position, "id" | "sequence" | "timestamp">): Receipt {
    return { id, sequence, cursor: cursorOf(this.#parts.epoch, sequence, id), timestamp };
  }
}

/** The event as that of the session it is emitted in, unless the emitter says whose it is. */
function owned(event: NewEvent, { userId }: Owner, options: EmitOptions): NewEvent {
  if (userId === undefined || options.userId !== undefined) return event;
  const byDefault = event.visibility === "operators" ? "owner" : event.visibility;
  return { ...event, userId, visibility: options.visibility ?? byDefault };
}

/** A caller from outside who is known has ids of their own: nobody can look for, take or block another's. */
function recordedId(id: string, around: Context | undefined): string {
  return around?.principal === undefined ? id : idUnder(around.principal.userId, id);
}

function checkOptions(options: EmitOptions): void {
  for (const option in options) {
    if (!(OPTIONS as readonly string[]).includes(option))
      throw new NexusError("OPTION_INVALID", { option, reason: `there is no such option; there are ${OPTIONS.join(", ")}` });
  }
  const { id, sessionId, userId, correlationId, visibility } = options;
  if (id !== undefined) checkCallerId("id", id);
  if (sessionId !== undefined) checkCallerId("sessionId", sessionId);
  if (userId !== undefined) checkCallerId("userId", userId);
  if (correlationId !== undefined) checkCallerId("correlationId", correlationId);
  if (visibility !== undefined && !VISIBILITIES.includes(visibility)) {
    throw new NexusError("OPTION_INVALID", { option: "visibility", reason: `it is none of ${VISIBILITIES.join(", ")}` });
  }
}
