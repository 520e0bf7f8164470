/** A text in one line, without control characters, and cut. @param length in UTF-16 units. */
export function oneLine(text: string, length: number): string {
  const line = text
    .replaceAll(/[\p{Cc}\u2028\u2029 ]+/gu, " ")
    .trim()
    .toWellFormed();
  return line.length <= length ? line : `${line.slice(0, length - 1).toWellFormed()}…`;
}

/**
 * A function that takes secrets out of what a target says: it may echo what it was sent.
 *
 * @param secrets shorter than 8 are left alone: they would blot out words.
 */
export function withoutSecrets(secrets: readonly string[]): (text: string) => string {
  const forms = new Set(
    secrets.filter((secret) => secret.length >= 8).flatMap((secret) => [secret, encodeURIComponent(secret), decoded(secret)]),
  );
  // The longest first: one may contain another.
  const sorted = [...forms].sort((a, b) => b.length - a.length);
  return (text) => sorted.reduce((left, secret) => left.replaceAll(secret, "[secret]"), text);
}

function decoded(secret: string): string {
  try {
    return decodeURIComponent(secret);
  } catch {
    return secret;
  }
}
