/** Where an app writes what is no event: pino fits as it is. */
export interface Logger {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

/** On standard error; no debugging. */
export const consoleLogger: Logger = {
  debug: () => {},
  info: (fields, message) => console.error(line("info", fields, message)),
  warn: (fields, message) => console.warn(line("warning", fields, message)),
  error: (fields, message) => console.error(line("error", fields, message)),
};

function line(level: string, fields: object, message: string | undefined): string {
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${value instanceof Error ? whole(value) : JSON.stringify(value)}`);
  return [`nexus ${level}:`, ...(message === undefined ? [] : [message]), ...facts].join(" ");
}

/** An error with what caused it. Control characters, which could come from an event, are shown and not obeyed. */
function whole(error: Error): string {
  const stack = (error.stack ?? error.message).replace(
    /[^\P{Cc}\n]/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return error.cause instanceof Error ? `${stack}\n  caused by ${whole(error.cause)}` : stack;
}
