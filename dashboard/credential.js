// Who this page is: an API key or token that somebody gave it. It has none where nobody needs one, and where the site's own sign-in says
// who calls by a cookie. Kept here and, so that a reload of the tab goes on, in the tab's storage: nowhere else.

// Of each app that is mounted on this origin.
const STORED = `nexus-credential ${new URL(".", document.baseURI).pathname}`;
let credential = stored()?.getItem(STORED) ?? undefined;

export function hasCredential() {
  return credential !== undefined;
}

/** The headers that say who calls. */
export function authorization(as = credential) {
  return as === undefined ? {} : { authorization: `Bearer ${as}` };
}

/** Whether a request was made as whoever this page still is. */
export function isStill(headers) {
  return headers.authorization === authorization().authorization;
}

export function keep(given) {
  credential = given;
  stored()?.setItem(STORED, given);
}

export function forget() {
  credential = undefined;
  stored()?.removeItem(STORED);
}

/** Browsers can forbid it: then a reload asks again. */
function stored() {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}
