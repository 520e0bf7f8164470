import { NexusError } from "../../errors.ts";
import type { OpenStore, Store, StoreSetup } from "../../log/store.ts";
import { Waiters } from "../../log/waiters.ts";
import { type Contents, emptyContents } from "./contents.ts";
import { memoryLog } from "./log.ts";
import { memoryState } from "./state.ts";

/**
 * Keeps a log and a state in memory, for tests and for apps that may forget.
 *
 * What it holds lives as long as this object: a test can stop an app, or abandon it, and open the same store again.
 */
export function memoryStore(): Store {
  const contents = emptyContents();
  let opened: OpenStore | undefined;
  return {
    name: "memory",
    durability: "none",
    // An async function: what it throws is a rejection, as in every other store.
    open: async (setup) => {
      if (opened !== undefined) throw new NexusError("STORE_LOCKED", { file: ":memory:", pid: process.pid });
      opened = openMemory(contents, setup, () => {
        opened = undefined;
      });
      return opened;
    },
    [Symbol.asyncDispose]: async () => {
      await opened?.[Symbol.asyncDispose]();
    },
  };
}

function openMemory(contents: Contents, setup: StoreSetup, closed: () => void): OpenStore {
  const waiters = new Waiters();
  let stopped: NexusError | undefined;
  const checkOpen = (): void => {
    if (stopped !== undefined) throw stopped;
  };
  return {
    log: memoryLog(contents, setup, waiters, checkOpen),
    state: memoryState(contents, checkOpen),
    [Symbol.asyncDispose]: async () => {
      if (stopped !== undefined) return;
      stopped = new NexusError("APP_STOPPED", {});
      waiters.fail(stopped);
      closed();
    },
  };
}
