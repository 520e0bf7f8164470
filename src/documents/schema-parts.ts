/** Schemas of a document that others point to: `#/components/schemas/<name>`. */
export class SchemaParts {
  readonly #parts = new Map<string, object>();
  readonly #names: Map<object, string>;

  /** @param shapes schemas that get a name of their own, wherever they stand. */
  constructor(shapes: Readonly<Record<string, object>>) {
    this.#names = new Map(Object.entries(shapes).map(([name, shape]) => [shape, name]));
    for (const [name, shape] of Object.entries(shapes)) this.#parts.set(name, this.#inside(shape));
  }

  /** All of them, by name. */
  get all(): Readonly<Record<string, object>> {
    return Object.fromEntries(this.#parts);
  }

  /** A schema of the app's own code, in which shapes are pointed to. */
  of(schema: object): object {
    const name = this.#names.get(schema);
    return name === undefined ? this.#inside(schema) : pointerTo(name);
  }

  /** Takes a schema from elsewhere in as a part, whatever it points to within itself. @returns what points to it. */
  add(name: string, schema: object): object {
    this.#parts.set(name, relocated(schema, pointerTo(name).$ref) as object);
    return pointerTo(name);
  }

  #inside(schema: object): object {
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, this.#part(value)]));
  }

  #part(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#part(item));
    return typeof value === "object" && value !== null ? this.of(value) : value;
  }
}

function pointerTo(name: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

/** Keywords that say where a schema is at home: within a document it is at home there. */
const ADDRESSES: readonly string[] = ["$schema", "$id", "$anchor", "$dynamicAnchor"];
/** Their values are data, whatever they look like; what reads the document would follow a `$ref` in them all the same. */
const DATA: readonly string[] = ["const", "enum", "default", "examples"];

/**
 * A schema from elsewhere, pointing to its own parts where they are now. What it has elsewhere is not followed: anything goes there.
 *
 * @param home where it stands: `#/…`.
 */
export function relocated(schema: unknown, home: string): unknown {
  if (Array.isArray(schema)) return schema.map((item) => relocated(item, home));
  if (typeof schema !== "object" || schema === null) return schema;
  const moved: [string, unknown][] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (ADDRESSES.includes(key)) continue;
    if (DATA.includes(key)) {
      if (!JSON.stringify(value).includes('"$ref"')) moved.push([key, value]);
    } else if (key === "$ref" || key === "$dynamicRef") {
      if (typeof value === "string" && (value === "#" || value.startsWith("#/"))) moved.push(["$ref", home + value.slice(1)]);
    } else moved.push([key, relocated(value, home)]);
  }
  return Object.fromEntries(moved);
}
