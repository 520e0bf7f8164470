import type { Store } from "../log/store.ts";
import { appendCases } from "./store/appends.ts";
import { dataCases } from "./store/data.ts";
import { filterCases } from "./store/filters.ts";
import { openingCases } from "./store/opening.ts";
import { readCases } from "./store/reads.ts";
import { stateCases } from "./store/state.ts";
import { type Body, Subject } from "./store/subject.ts";
import { trimCases } from "./store/trims.ts";

/** Where a store keeps what it is given: a file, a database, an object. Disposing clears it away. */
export interface StorePlace extends AsyncDisposable {
  /** A store on this place, not opened yet, as each start of a process makes one. What was recorded through an earlier one is in it. */
  store(): Store;
}

export interface StoreSuite {
  /** Makes a place of its own, and empty, for each case. */
  readonly place: () => Promise<StorePlace>;
  /** Whether only one at a time can have a place open; default true. */
  readonly exclusive?: boolean;
}

export interface StoreCase {
  /** A sentence of the contract, with its clause: "[log.3] …". */
  readonly title: string;
  /** Rejects if the store does not keep it. */
  readonly run: () => Promise<void>;
}

/**
 * What every store promises, as cases for any test runner:
 * `for (const { title, run } of storeConformance({ place })) test(title, run);`
 */
export function storeConformance({ place, exclusive = true }: StoreSuite): readonly StoreCase[] {
  const bodies: Readonly<Record<string, Body>> = {
    ...appendCases,
    ...readCases,
    ...filterCases,
    ...trimCases,
    ...dataCases,
    ...stateCases,
    ...openingCases(exclusive),
  };
  return Object.entries(bodies).map(([title, body]) => ({
    title,
    run: async () => {
      await using subject = await Subject.open(await place());
      await body(subject);
    },
  }));
}
