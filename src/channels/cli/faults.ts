import { pino } from "pino";

/**
 * Logs and counts on standard error what nobody caught. A rejection is survived; after an exception the process is in no known state.
 *
 * @returns aborts at the first uncaught exception: then it is time to drain and end.
 */
export function watchFaults(): AbortSignal {
  const log = pino({ name: "nexus" }, pino.destination({ dest: 2, sync: true }));
  const fatal = new AbortController();
  let rejections = 0;
  process.on("unhandledRejection", (reason) => {
    rejections++;
    log.error({ err: reason, unhandledRejections: rejections }, "a promise was rejected and nobody handled it; going on");
  });
  process.on("uncaughtException", (error) => {
    log.fatal({ err: error, unhandledRejections: rejections }, "an exception was not caught; draining, then ending");
    fatal.abort();
  });
  return fatal.signal;
}
