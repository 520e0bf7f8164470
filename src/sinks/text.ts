/** A text in one line, without control characters, and cut. @param length in UTF-16 units. */
export function oneLine(text: string, length: number): string {
  const line = text
    .replaceAll(/[\p{Cc}\u2028\u2029 ]+/gu, " ")
    .trim()
    .toWellFormed();
  return line.length <= length ? line : `${line.slice(0, length - 1).toWellFormed()}…`;
}

/** A function that takes secrets out of what a target says: it may echo what it was sent. */
export function withoutSecrets(secrets: readonly string[]): (text: string) => string {
  const forms = new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret.toWellFormed()), decoded(secret)]));
  // The longest first: one may contain another.
  const sorted = [...forms].filter((form) => form !== "").sort((a, b) => b.length - a.length);
  return (text) => sorted.reduce((left, secret) => left.replaceAll(secret, "[secret]"), text);
}

/** A part of a URL without its percent-encoding, or as it is when that is broken. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
