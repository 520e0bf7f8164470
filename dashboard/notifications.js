import { element, inline, say } from "./dom.js";

const SHOWN = 3;
const STAYS_MS = 8_000;

/** Shows each broadcast for a while. One type has one notification, which then tells the newest and how many there were. */
export function notifications(parent) {
  const open = new Map();

  function take(event) {
    if (!event.broadcast) return;
    let one = open.get(event.type);
    if (one === undefined) {
      while (open.size >= SHOWN) open.values().next().value.close();
      one = make(event.type);
      open.set(event.type, one);
      parent.append(one.node);
    }
    one.tell(event);
  }

  function make(type) {
    const text = element("span", { className: "data" });
    const count = element("span", { className: "quiet" });
    const dismiss = element("button", { type: "button", ariaLabel: `Dismiss ${type}` }, "×");
    const node = element("div", { className: "notification" }, element("span", { className: "type" }, type), count, text, dismiss);
    let times = 0;
    let timer;
    const close = () => {
      clearTimeout(timer);
      open.delete(type);
      node.remove();
    };
    dismiss.addEventListener("click", close);
    const tell = (event) => {
      times += 1;
      say(text, inline(event.data));
      say(count, times > 1 ? `${times} times` : "");
      clearTimeout(timer);
      timer = setTimeout(close, STAYS_MS);
    };
    return { node, tell, close };
  }

  return { take };
}
