import { pageLimit } from "../../log/page.ts";
import type { State } from "../../log/state.ts";
import { checkKey, checkRevision, valueText } from "../../log/state-entry.ts";
import type { Contents } from "./contents.ts";

/** Values are kept as JSON text: a reader gets its own copy. */
export function memoryState(contents: Contents, checkOpen: () => void): State {
  const { values } = contents;
  return {
    get: async (key) => {
      checkOpen();
      checkKey(key);
      const entry = values.get(key);
      return entry && { value: JSON.parse(entry.text), revision: entry.revision };
    },
    put: async (key, value, options) => {
      checkOpen();
      checkKey(key);
      const text = valueText(key, value);
      checkRevision(key, values.get(key)?.revision ?? 0, options?.revision);
      contents.revision += 1;
      values.set(key, { text, revision: contents.revision });
      return contents.revision;
    },
    delete: async (key, options) => {
      checkOpen();
      checkKey(key);
      checkRevision(key, values.get(key)?.revision ?? 0, options?.revision);
      values.delete(key);
    },
    list: async (prefix, options) => {
      checkOpen();
      const limit = pageLimit(options?.limit);
      const after = options?.after ?? "";
      const keys = [...values.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
      const entries = keys.slice(0, limit).map((key) => {
        const { text, revision } = values.get(key) as { text: string; revision: number };
        return { key, value: JSON.parse(text) as unknown, revision };
      });
      const next = entries.at(-1)?.key;
      return { entries, ...(keys.length > limit && next !== undefined && { next }) };
    },
  };
}
