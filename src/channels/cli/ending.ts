/** A page of ids, newest first. */
interface IdPage {
  readonly ids: readonly string[];
  readonly hasMore: boolean;
  readonly previous?: string | undefined;
}

/** The ids that end so, among the newest. @param pages how many are looked through at most. */
export async function idsEndingIn(
  ending: string,
  pages: number,
  pageBefore: (before: string | undefined) => Promise<IdPage>,
): Promise<readonly string[]> {
  const found: string[] = [];
  let before: string | undefined;
  for (let page = 0; page < pages; page++) {
    const { ids, hasMore, previous } = await pageBefore(before);
    found.push(...ids.filter((id) => id.endsWith(ending)));
    if (!hasMore || previous === undefined) break;
    before = previous;
  }
  return found;
}
