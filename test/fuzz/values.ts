import fc from "fast-check";

/** Any text: of any characters, lone surrogates among them, or made of what parsers look for. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom(...Array.from("\0\t\r\n \"'\\/.,:;=%&?#*+-_[]{}()<>@^$|~`!0aZä€😀\u2028\ufeff\u202e")),
    maxLength: 20,
  }),
  fc.constantFrom("", "__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "null", "undefined", "NaN", "-0", "1e400"),
);

/** A text that is nearly another: with parts taken out, put in, doubled and changed. */
export function nearly(valid: fc.Arbitrary<string>, parts: readonly string[] = []): fc.Arbitrary<string> {
  const part = parts.length === 0 ? text : fc.oneof(fc.constantFrom(...parts), text);
  const edit = fc.record({ at: fc.nat(), length: fc.nat(4), how: fc.constantFrom("drop", "double", "replace", "insert"), part });
  return fc.tuple(valid, fc.array(edit, { minLength: 1, maxLength: 3 })).map(([whole, edits]) => edits.reduce(edited, whole));
}

function edited(whole: string, { at, length, how, part }: { at: number; length: number; how: string; part: string }): string {
  const start = at % (whole.length + 1);
  const [before, cut, after] = [whole.slice(0, start), whole.slice(start, start + length), whole.slice(start + length)];
  if (how === "drop") return before + after;
  if (how === "double") return before + cut + cut + after;
  return how === "replace" ? before + part + after : before + part + cut + after;
}

const number: fc.Arbitrary<number> = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 1e300, -1e300, 5e-324, 2 ** 53, 2 ** 31, -1, 0, 1),
);

/** Keys that do harm where objects are filled carelessly. */
const key: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "b", "id", "type", "data", "__proto__", "constructor", "prototype", "toString", "0", "") },
  { weight: 1, arbitrary: text },
);

/** What JSON.parse can make: fields of any name, `__proto__` among them, are fields. */
export const json: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    number,
    text,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 4 }).map((fields) => Object.fromEntries(fields)),
  ),
})).value;

/** The same, an object at the top. */
export const jsonObject: fc.Arbitrary<Record<string, unknown>> = fc
  .array(fc.tuple(key, json), { maxLength: 5 })
  .map((fields) => Object.fromEntries(fields));

const numberText = fc.oneof(
  fc.constantFrom("1e400", "-1e400", "1e-400", "-0", "0.1e+1", "12345678901234567890", `1${"0".repeat(400)}`, `0.${"1".repeat(400)}`),
  fc.bigInt().map(String),
);

/** JSON as it is written: numbers that no double holds, keys that stand twice, depths, and what is nearly JSON. */
export const jsonText: fc.Arbitrary<string> = fc.oneof(
  json.map((value) => JSON.stringify(value)),
  fc.tuple(jsonObject, key, numberText).map(([object, name, digits]) => withField(object, name, digits)),
  fc.tuple(jsonObject, key, json, json).map(([object, name, one, other]) => {
    const again = `${JSON.stringify(name)}:${JSON.stringify(one)},${JSON.stringify(name)}:${JSON.stringify(other)}`;
    return `{${again}${JSON.stringify(object)
      .slice(1)
      .replace(/^(?!\})/, ",")}`;
  }),
  fc.tuple(fc.constantFrom("[", '{"a":', '[{"b":'), fc.integer({ min: 1, max: 3_000 })).map(([open, depth]) => deep(open, depth)),
  nearly(
    json.map((value) => JSON.stringify(value)),
    ["{", "}", "[", "]", ",", ":", '"', "\\u", "null", "1e", "//", "\ufeff"],
  ),
);

function withField(object: object, name: string, value: string): string {
  const rest = JSON.stringify(object).slice(1);
  return `{${JSON.stringify(name)}:${value}${rest === "}" ? "}" : `,${rest}`}`;
}

function deep(open: string, depth: number): string {
  const close = open
    .split("")
    .reverse()
    .flatMap((mark) => (mark === "[" ? "]" : mark === "{" ? "}" : []));
  return open.repeat(depth) + (open.endsWith(":") ? "0" : "") + close.join("").repeat(depth);
}

/** Whether the product can record it: finite numbers, text of whole characters, and 64 deep at most. */
export function isRecordable(value: unknown, room: number = 64): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return true;
  if (room === 0) return false;
  return Object.entries(value).every(([key, item]) => key.isWellFormed() && isRecordable(item, room - 1));
}
