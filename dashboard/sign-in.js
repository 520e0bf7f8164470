import { Problem } from "./api.js";
import { keep } from "./credential.js";
import { element, fill, say } from "./dom.js";
import { tryCredential } from "./ticket.js";

/** The form that asks who is there, in the place of all else. */
export function signIn(parent) {
  /**
   * Resolves once somebody has signed in.
   *
   * @param {string} why what became of the last credential; empty where there was none.
   */
  function ask(why) {
    const input = element("input", {
      id: "credential",
      type: "password",
      autocomplete: "off",
      spellcheck: false,
      "aria-describedby": "credential-hint credential-fault",
    });
    const message = element("p", { id: "credential-fault", className: "fault", role: "alert" }, why);
    const button = element("button", { type: "submit", className: "primary" }, "Sign in");
    const form = element(
      "form",
      { noValidate: true },
      element("label", { htmlFor: "credential" }, "API key"),
      input,
      element(
        "p",
        { id: "credential-hint", className: "hint" },
        "Or a token of your identity provider. It stays in this tab, until you sign out or close it. ",
        "If this page is part of a site with a sign-in of its own, sign in there and load it again.",
      ),
      element("div", { className: "actions" }, button),
      message,
    );
    fill(parent, element("h2", {}, "Sign in"), form);
    parent.hidden = false;
    input.focus();

    return new Promise((resolve) => {
      form.addEventListener("submit", (submit) => {
        submit.preventDefault();
        void tried();
      });
      const tried = async () => {
        say(message, "");
        button.disabled = true;
        const fault = await faultOf(input.value.trim());
        button.disabled = false;
        input.value = "";
        if (fault !== undefined) {
          say(message, fault);
          return input.focus();
        }
        parent.hidden = true;
        fill(parent);
        resolve();
      };
    });
  }
  return { ask };
}

/** Why a credential lets nobody in; one that does is kept. */
async function faultOf(given) {
  if (given === "") return "Type or paste an API key.";
  // A header holds nothing else.
  if (!/^[!-~]+$/.test(given)) return "An API key has no spaces, and only plain letters, digits and signs.";
  try {
    await tryCredential(given);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) return `It was refused. ${error.message}`;
    // Somebody it is, though one who may follow no events.
    if (error.body.code !== "FORBIDDEN") return error.message;
  }
  keep(given);
  return undefined;
}
