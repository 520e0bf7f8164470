/** Where an app writes what is no event: pino fits as it is. */
export interface Logger {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

/** On standard error, one line each; no debugging. */
export const consoleLogger: Logger = {
  debug: () => {},
  info: (fields, message) => console.error(line("info", fields, message)),
  warn: (fields, message) => console.warn(line("warning", fields, message)),
  error: (fields, message) => console.error(line("error", fields, message)),
};

function line(level: string, fields: object, message: string | undefined): string {
  const facts = Object.entries(fields).map(
    ([name, value]) => `${name}=${value instanceof Error ? (value.stack ?? value.message) : JSON.stringify(value)}`,
  );
  return [`nexus ${level}:`, ...(message === undefined ? [] : [message]), ...facts].join(" ");
}
