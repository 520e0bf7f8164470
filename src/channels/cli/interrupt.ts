/** npm passes Ctrl-C on to a command that has it from the terminal already: what comes so soon is the same one again. */
const SAME_MS = 500;

/**
 * A signal that the first Ctrl-C (or SIGTERM) aborts. The second ends the process at once.
 */
export function interrupted(): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const stop = (): void => {
    if (!controller.signal.aborted) {
      first = performance.now();
      controller.abort();
    } else if (performance.now() - first > SAME_MS) process.exit(1);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return controller.signal;
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
