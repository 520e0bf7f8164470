import type { State, StateEntry } from "./state.ts";

/** All entries of State whose key begins with `prefix`, by key. What is deleted on the way changes nothing for the rest. */
export async function* entriesUnder(state: State, prefix: string, pageSize: number = 100): AsyncGenerator<StateEntry, void> {
  for (let after: string | undefined; ; ) {
    const { entries, next } = await state.list(prefix, { limit: pageSize, ...(after !== undefined && { after }) });
    yield* entries;
    if (next === undefined) return;
    after = next;
  }
}
