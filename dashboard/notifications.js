import { element, inline, redraw, say } from "./dom.js";

const SHOWN = 3;
const STAYS_MS = 8_000;

/** Shows each broadcast for a while. One type has one notification, which then tells the newest and how many there were. */
export function notifications(parent) {
  const open = new Map();

  function take(event) {
    if (!event.broadcast) return;
    const one = open.get(event.type) ?? { type: event.type, times: 0, shown: undefined };
    one.times += 1;
    one.newest = event;
    // The newest stay.
    open.delete(event.type);
    open.set(event.type, one);
    while (open.size > SHOWN) close(open.values().next().value);
    redraw(draw);
  }

  function draw() {
    for (const one of open.values()) {
      if (one.newest === undefined) continue;
      if (one.shown === undefined) parent.append((one.shown = make(one)).node);
      say(one.shown.text, inline(one.newest.data));
      say(one.shown.count, one.times > 1 ? `${one.times} times` : "");
      one.newest = undefined;
      clearTimeout(one.timer);
      one.timer = setTimeout(close, STAYS_MS, one);
    }
  }

  function make(one) {
    const text = element("span", { className: "data" });
    const count = element("span", { className: "quiet" });
    const dismiss = element("button", { type: "button", ariaLabel: `Dismiss ${one.type}` }, "×");
    dismiss.addEventListener("click", () => close(one));
    const node = element("div", { className: "notification" }, element("span", { className: "type" }, one.type), count, text, dismiss);
    return { node, text, count };
  }

  function close(one) {
    clearTimeout(one.timer);
    open.delete(one.type);
    one.shown?.node.remove();
  }

  function clear() {
    for (const one of open.values()) close(one);
  }

  return { take, clear };
}
