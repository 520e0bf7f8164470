import { element, fill, shorten } from "./dom.js";

/** Fields of a form, and choices of a field; what has more is typed as JSON. */
const FIELDS = 100;
const CHOICES = 500;

/**
 * A form for the inputs of a workflow: a field for each simple property of its JSON Schema, JSON for the others.
 *
 * It checks nothing that the server checks as well: a pattern that takes for ever must not take the page along.
 *
 * @param {object | undefined} schema
 * @param {string} prefix begins the ids of the fields.
 * @returns `fields` to put into a form, and `read()`: the inputs, or `undefined` when a field cannot be read, which then says so;
 *   `faults([{path, message}])` shows what the server found, and returns those that belong to no field.
 */
export function inputsForm(schema, prefix) {
  const properties = Object.entries(isObject(schema?.properties) ? schema.properties : {});
  if (properties.length === 0 && schema?.additionalProperties === false)
    return { fields: [], read: () => ({}), faults: (faults) => faults };
  if (properties.length === 0 || properties.length > FIELDS) {
    const title = properties.length === 0 ? "JSON" : `JSON of ${properties.length} fields`;
    const whole = field(prefix, "Inputs", { title }, true);
    whole.control.value = "{}";
    return {
      fields: [whole.row],
      read: () => whole.read(),
      faults: (faults) => {
        whole.fault(faults.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; "));
        return [];
      },
    };
  }

  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const fields = new Map(properties.map(([name, property], n) => [name, field(`${prefix}-${n}`, name, property, required.has(name))]));
  return {
    fields: [...fields.values()].map((one) => one.row),
    read() {
      const inputs = [];
      let readable = true;
      for (const [name, one] of fields) {
        one.fault("");
        const value = one.read();
        if (value === undefined && one.unreadable()) readable = false;
        else if (value !== undefined) inputs.push([name, value]);
      }
      // Not by assignment: a field can be called __proto__.
      return readable ? Object.fromEntries(inputs) : undefined;
    },
    faults(faults) {
      const others = [];
      for (const fault of faults) {
        const one = fields.get(fault.path) ?? fields.get(fault.path.split(/[./[]/).find(Boolean));
        if (one === undefined) others.push(fault);
        else one.fault(fault.message);
      }
      return others;
    },
  };
}

function field(id, name, given, required) {
  // Also `true` is a schema.
  const schema = isObject(given) ? given : {};
  const kind = kindOf(schema);
  const control = controlFor(kind, schema);
  control.id = id;
  const hint = element("span", { id: `${id}-hint`, className: "hint" }, hintFor(kind, schema, required));
  const problem = element("span", { id: `${id}-fault`, className: "fault" });
  control.setAttribute("aria-describedby", `${hint.id} ${problem.id}`);
  if (required) control.setAttribute("aria-required", "true");
  const label = element("label", { htmlFor: id }, shorten(name, 200));
  const row = element("div", { className: `field ${kind}` }, label, control, hint, problem);

  let broken = false;
  function fault(message) {
    fill(problem, message);
    if (message) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }
  function read() {
    broken = false;
    if (kind === "boolean") return control.checked;
    if (kind === "enum") return control.value === "" ? undefined : schema.enum[Number(control.value)];
    if (kind === "number" && control.validity.badInput) return unreadable("is not a number");
    if (control.value === "") return undefined;
    if (kind === "number") return Number(control.value);
    if (kind === "string") return control.value;
    try {
      return JSON.parse(control.value);
    } catch {
      return unreadable("is not JSON");
    }
  }
  function unreadable(message) {
    broken = true;
    fault(message);
    control.focus();
    return undefined;
  }
  return { row, control, read, fault, unreadable: () => broken };
}

function kindOf(schema) {
  if (Array.isArray(schema.enum)) return schema.enum.length > CHOICES ? "json" : "enum";
  if (schema.type === "integer" || schema.type === "number") return "number";
  return schema.type === "boolean" || schema.type === "string" ? schema.type : "json";
}

function controlFor(kind, schema) {
  const preset = schema.default;
  switch (kind) {
    case "enum":
      return element(
        "select",
        {},
        element("option", { value: "" }, "(none)"),
        ...schema.enum.map((value, n) =>
          element(
            "option",
            { value: String(n), selected: value === preset },
            shorten(typeof value === "string" ? value : JSON.stringify(value), 200),
          ),
        ),
      );
    case "boolean":
      return element("input", { type: "checkbox", checked: preset === true });
    case "number":
      return element("input", {
        type: "number",
        step: schema.type === "integer" ? "1" : "any",
        value: typeof preset === "number" ? preset : "",
      });
    case "string":
      return element("input", {
        type: schema.format === "date" ? "date" : "text",
        value: typeof preset === "string" ? preset : "",
        autocomplete: "off",
      });
    default:
      return element("textarea", { rows: 3, spellcheck: false, value: preset === undefined ? "" : JSON.stringify(preset) });
  }
}

function hintFor(kind, schema, required) {
  const limits = [];
  // Schema writers say "an integer" with the largest safe ones as limits.
  if (schema.minimum !== undefined && schema.minimum > Number.MIN_SAFE_INTEGER) limits.push(`at least ${schema.minimum}`);
  if (schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER) limits.push(`at most ${schema.maximum}`);
  if (kind === "json") limits.push("JSON");
  if (required) limits.push("required");
  return [shorten(String(schema.description ?? schema.title ?? ""), 500), shorten(limits.join(", "), 200)].filter(Boolean).join(" · ");
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
