/** By one connection or stream. */
const MOST_WATCHED = 1_000;
/** No address of ours is longer. */
const MOST_CHARACTERS = 1_000;

/** A message of `subscriptions/listen`, of whose form the SDK is yet to judge. */
interface Listen {
  readonly id?: unknown;
  readonly params?: { readonly notifications?: { readonly resourceSubscriptions?: unknown } };
}

export function isListen(body: unknown): body is Listen {
  return (body as { readonly method?: unknown } | null)?.method === "subscriptions/listen";
}

/** The resources that it names. */
export function watchedBy({ params }: Listen): readonly string[] {
  const uris = params?.notifications?.resourceSubscriptions;
  return Array.isArray(uris) ? uris.filter((uri) => typeof uri === "string") : [];
}

/** Why these cannot be watched at once: what is watched is kept. */
export function faultOfWatched(uris: readonly string[]): string | undefined {
  if (uris.length > MOST_WATCHED) return `${MOST_WATCHED} resources can be watched at once.`;
  if (uris.some(({ length }) => length > MOST_CHARACTERS)) return `The address of a resource has ${MOST_CHARACTERS} characters at most.`;
  return undefined;
}
