import { get, Problem, post } from "./api.js";
import { element, fill, say, shorten } from "./dom.js";
import { inputsForm } from "./form.js";

/**
 * The workflows, each with a form that runs it.
 *
 * @param {HTMLElement} parent
 * @param {(runId: string) => void} started called with the run that a form has made.
 */
export function workflowList(parent, started) {
  const shown = new Map();
  let reading;

  async function load() {
    let workflows;
    try {
      ({ workflows } = await get("workflows"));
    } catch (error) {
      if (!(error instanceof Problem) || error.body.code !== "FORBIDDEN") throw error;
      shown.clear();
      fill(parent, element("p", { className: "fault" }, error.message));
      return;
    }
    const names = new Set(workflows.map(({ name }) => name));
    for (const [name, { node }] of shown) {
      if (names.has(name)) continue;
      node.remove();
      shown.delete(name);
    }
    for (const workflow of workflows) {
      const text = JSON.stringify(workflow);
      const before = shown.get(workflow.name);
      // Every start of the server registers its workflows again: a form that somebody is filling in stays as it is.
      if (before?.text === text) continue;
      const node = entry(workflow, started);
      node.open = before?.node.open ?? false;
      if (before) before.node.replaceWith(node);
      else parent.append(node);
      shown.set(workflow.name, { text, node });
    }
    if (workflows.length === 0) fill(parent, element("p", { className: "quiet" }, "No workflows are registered."));
    else for (const other of parent.querySelectorAll(":scope > p")) other.remove();
  }

  /** @param {object} event one that may have changed the list. */
  function take(event) {
    if (event.type !== "workflow.registered" && event.type !== "workflow.unregistered") return;
    clearTimeout(reading);
    reading = setTimeout(() => load().catch(() => {}), 200);
  }
  return { load, take };
}

function entry({ name, description, inputSchema, version }, started) {
  // Made when it is looked at: most are not.
  let inputs;
  const button = element("button", { type: "submit", className: "primary", ariaLabel: `Run ${name}` }, "Run");
  const message = element("p", { className: "fault", role: "alert" });
  const form = element("form", { noValidate: true }, element("div", { className: "actions" }, button), message);

  form.addEventListener("submit", (submit) => {
    submit.preventDefault();
    void run();
  });
  function show() {
    if (inputs !== undefined) return;
    inputs = inputsForm(inputSchema, `inputs-${name}`);
    form.prepend(...inputs.fields);
  }
  async function run() {
    say(message, "");
    show();
    const values = inputs.read();
    if (values === undefined) return;
    button.disabled = true;
    try {
      const { runId } = await post(`workflows/${encodeURIComponent(name)}/execute`, { waitMs: 0 }, { inputs: values });
      started(runId);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.body.runId) started(error.body.runId);
      const others = inputs.faults(error.body.faults ?? []).map((fault) => `${fault.path}: ${fault.message}`);
      const doubt = error.status === 0 ? " If the run has begun all the same, it will be among the recent runs." : "";
      say(message, [error.message + doubt, ...others].join(" · "));
    } finally {
      button.disabled = false;
      button.focus();
    }
  }

  const title = element("span", { className: "name" }, name);
  const details = element(
    "details",
    { className: "workflow", name: "workflow" },
    element(
      "summary",
      {},
      title,
      version ? element("span", { className: "quiet" }, ` ${shorten(version, 100)}`) : undefined,
      description ? element("span", { className: "description" }, shorten(description, 1_000)) : undefined,
    ),
    form,
  );
  details.addEventListener("toggle", show, { once: true });
  return details;
}
