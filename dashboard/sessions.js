import { Problem, patch, post } from "./api.js";
import { clock, element, fill, inline, redraw, say } from "./dom.js";

const LIMIT = 20;

/** A JSON Merge Patch (RFC 7396) on an object. */
function merged(target, changes) {
  const fields = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) fields.delete(name);
    else fields.set(name, isObject(value) ? merged(fields.get(name), value) : value);
  }
  return Object.fromEntries(fields);
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The session after one more of its events. */
function apply(session, { type, data }) {
  if (type === "session.ended") return { ...session, ended: data.reason };
  const joins = data.joined !== undefined && !session.channels.includes(data.joined);
  const channels = joins ? [...session.channels, data.joined] : session.channels;
  return { ...session, data: merged(session.data, data.changes), channels };
}

/** A session as its first event tells of it. */
function begun({ sessionId, userId, channel, data }) {
  return { id: sessionId, userId, data: data.initialData, channels: [channel] };
}

/** The newest open sessions, and the one that is looked at: read once, then kept by their events. */
export function sessionList({ list, panel, create, note }) {
  let sessions = new Map();
  let open;
  /** Why this caller may not read them. */
  let refused;

  /** @param {{sessions: object[]}} answer newest first. */
  function show(answer) {
    refused = undefined;
    sessions = new Map(answer.sessions.map((session) => [session.id, session]).reverse());
    // The one that is looked at may have ended, or be too old for the list.
    if (open !== undefined && sessions.has(open.session.id)) open.session = sessions.get(open.session.id);
    redraw(draw);
  }

  function refuse(why) {
    refused = why;
    sessions.clear();
    redraw(draw);
  }

  function take(event) {
    if (!event.type.startsWith("session.")) return;
    const known = sessions.get(event.sessionId);
    if (known === undefined && event.type !== "session.created") return;
    const session = known === undefined ? begun(event) : apply(known, event);
    sessions.set(session.id, session);
    if (open?.session.id === session.id) open.session = session;
    if (session.ended) sessions.delete(session.id);
    if (sessions.size > LIMIT) sessions.delete(sessions.keys().next().value);
    redraw(draw);
  }

  function select(session) {
    open = { session, view: newView(session.id) };
    fill(panel, open.view.node);
    redraw(draw);
  }

  function clear() {
    sessions.clear();
    open = undefined;
    fill(list);
    fill(panel);
    say(note, "");
  }

  function draw() {
    if (refused !== undefined) fill(list, element("li", { className: "fault" }, refused));
    else drawRows();
    open?.view.update(open.session);
  }

  function drawRows() {
    const rows = [...sessions.values()].reverse().map(row);
    fill(list, ...(rows.length > 0 ? rows : [element("li", { className: "quiet" }, "No open session.")]));
  }

  function row(session) {
    const button = element("button", { type: "button" }, session.id.slice(-6));
    button.addEventListener("click", () => select(session));
    const facts = [session.userId, session.channels.join(", ")].filter(Boolean).join(" · ");
    return element(
      "li",
      {},
      button,
      element("span", { className: "quiet" }, ` ${facts} `),
      element("span", { className: "data" }, inline(session.data)),
    );
  }

  create.addEventListener("click", () => {
    say(note, "");
    post("sessions", {}, {}).then(select, (error) => tell(note, error));
  });
  return { show, refuse, take, clear };
}

function newView(id) {
  const at = `sessions/${encodeURIComponent(id)}`;
  const facts = element("p", { className: "quiet" });
  const data = element("pre", { tabIndex: 0, ariaLabel: "Data of the session" });
  const message = element("p", { className: "fault", role: "alert" });
  const input = element("input", {
    type: "text",
    placeholder: '{"theme": "dark"}',
    ariaLabel: "Changes to the session, as JSON",
    spellcheck: false,
  });
  const join = element("button", { type: "button" }, "Join");
  const end = element("button", { type: "button" }, "End");
  const form = element("form", { className: "actions" }, input, element("button", { type: "submit" }, "Change"), join, end);
  // What comes of it is shown by its event, as to everyone who looks.
  const call = (made) => {
    say(message, "");
    made.catch((error) => tell(message, error));
  };
  join.addEventListener("click", () => call(post(`${at}/join`, {}, {})));
  end.addEventListener("click", () => call(post(`${at}/end`, {}, {})));
  form.addEventListener("submit", (submit) => {
    submit.preventDefault();
    try {
      call(patch(at, JSON.parse(input.value)));
    } catch {
      say(message, "The changes are not JSON.");
    }
  });
  const node = element("div", { className: "session" }, element("h3", {}, id), facts, data, form, message);
  return {
    node,
    update: (session) => {
      const until = session.ended ? session.ended : session.endsAt === undefined ? "open" : `open, until ${clock(session.endsAt)} at least`;
      say(facts, [session.userId, session.channels.join(", "), until].filter(Boolean).join(" · "));
      say(data, JSON.stringify(session.data, undefined, 2));
      form.hidden = session.ended !== undefined;
    },
  };
}

function tell(where, error) {
  if (!(error instanceof Problem)) throw error;
  say(where, error.message);
}
