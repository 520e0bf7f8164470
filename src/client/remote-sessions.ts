import { NexusError } from "../errors.ts";
import type { Channel, Cursor } from "../events/event.ts";
import { jsonFault } from "../events/json.ts";
import type { Ask } from "./asking.ts";
import type { Query } from "./call.ts";
import { placeText } from "./wanted.ts";

type Given = Readonly<Record<string, any>>;

/** An app's sessions, from afar. */
export interface RemoteSessions {
  create(options?: Given): Promise<object>;
  get(id: string): Promise<object>;
  update(id: string, changes: unknown): Promise<object>;
  join(id: string, channel: Channel): Promise<object>;
  end(id: string): Promise<object>;
  list(query?: Given): Promise<object>;
}

/** Deeper than a server takes, or JSON.stringify. */
const NESTING = 1_000;

/** What changes a session is not sent again by itself: done twice, it could undo what came between. */
export function remoteSessions(ask: Ask): RemoteSessions {
  const at = (id: string): string => `sessions/${encodeURIComponent(id)}`;
  return {
    create: async (options = {}) => {
      for (const field of ["data", "metadata"]) if (options[field] !== undefined) checkJson("session.created", field, options[field]);
      return await ask("POST", "sessions", { body: options });
    },
    get: (id) => ask("GET", at(id), { again: true }),
    update: async (id, changes) => {
      if (typeof changes === "function") {
        const detail =
          "update takes a function only in the app's own process: from afar nobody could say whether another update came between.";
        throw new NexusError("OPTION_UNSUPPORTED", { option: "changes" }, { detail });
      }
      checkJson("session.updated", "changes", changes);
      return await ask("PATCH", at(id), { body: changes });
    },
    join: async (id, channel) => {
      if (channel !== "api") {
        const detail = `A client joins on the channel it calls on: api, not ${String(channel)}.`;
        throw new NexusError("OPTION_UNSUPPORTED", { option: "channel" }, { detail });
      }
      return await ask("POST", `${at(id)}/join`, { body: {}, again: true });
    },
    end: (id) => ask("POST", `${at(id)}/end`, { body: {} }),
    list: async ({ after, ...query } = {}) => {
      const place = after === undefined ? {} : { after: placeText(after as Cursor | Date) };
      return await ask("GET", "sessions", { query: { ...(query as Query), ...place }, again: true });
    },
  };
}

function checkJson(type: string, field: string, value: unknown): void {
  const fault = jsonFault(value, NESTING);
  if (fault === undefined) return;
  const path = fault.path === "" ? field : `${field}.${fault.path}`;
  throw new NexusError("EVENT_INVALID", { type, faults: [{ path, message: fault.message }] });
}
