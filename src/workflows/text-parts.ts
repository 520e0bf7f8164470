/** Characters in a part: escaped twice and in UTF-8, it still fits a value of State. */
const PART_CHARACTERS = 100_000;

/** A text in parts that fit values of State; each is well-formed by itself, and there is always one. */
export function textParts(text: string): readonly string[] {
  const parts: string[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + PART_CHARACTERS, text.length);
    // Between the halves of a surrogate pair is no place to cut.
    if (end < text.length && text.charCodeAt(end - 1) >= 0xd800 && text.charCodeAt(end - 1) <= 0xdbff) end -= 1;
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}
