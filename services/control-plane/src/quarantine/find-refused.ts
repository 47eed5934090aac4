/** Judges contributions together: why they are refused; undefined: they are accepted. */
export type Judge<T> = (items: readonly T[]) => Promise<string | undefined>;

export interface FindOptions<T> {
  /** Items that were once accepted together. */
  readonly known: readonly T[];
  /** All others. The later of two that are only refused together is to blame. */
  readonly others: readonly T[];
  readonly judge: Judge<T>;
  /** How often `judge` may be asked. */
  readonly maxProbes: number;
}

/** What a search found. */
export type Found<T> =
  | {
      readonly is: 'found';
      /** In the order of the items; each with the judge's words. */
      readonly refused: ReadonlyMap<T, string>;
      /** What `maxProbes` did not suffice for. */
      readonly undecided: readonly T[];
    }
  /** The judge accepts all of them. */
  | { readonly is: 'nothing' }
  /** The judge refuses even no items at all, so its word says nothing about them. */
  | { readonly is: 'everything'; readonly reason: string };

/**
 * Finds the items without which a judge accepts all the others. It asks at most 4 times, and log2(n) + 1 times more for each refused
 * item. Items that are accepted are never to blame for later ones.
 */
export async function findRefused<T>({ known, others, judge, maxProbes }: FindOptions<T>): Promise<Found<T>> {
  let left = maxProbes;
  const ask = (items: readonly T[]) => {
    left--;
    return judge(items);
  };
  const baseless = await ask([]);
  if (baseless !== undefined) return { is: 'everything', reason: baseless };
  // Nearly always what is new is refused by itself, and need not be judged together with all the rest.
  let reason = known.length > 0 && others.length > 0 ? await ask(others) : undefined;
  let accepted: readonly T[] = [];
  let rest: readonly T[] = others;
  if (reason === undefined) {
    const isKnown = known.length > 0 && (await ask(known)) === undefined;
    accepted = isKnown ? known : [];
    rest = isKnown ? others : [...known, ...others];
    reason = await ask([...accepted, ...rest]);
  }
  const refused = new Map<T, string>();
  if (reason === undefined) return { is: 'nothing' };
  while (reason !== undefined) {
    // `good` of the rest are accepted, `bad` of it are not.
    let good = 0;
    let bad = rest.length;
    while (bad - good > 1) {
      if (left <= 0) return { is: 'found', refused, undecided: rest.slice(good) };
      const middle = (good + bad) >> 1;
      const words = await ask([...accepted, ...rest.slice(0, middle)]);
      if (words === undefined) good = middle;
      else {
        bad = middle;
        reason = words;
      }
    }
    const [culprit] = rest.slice(good, bad);
    if (culprit === undefined) break;
    refused.set(culprit, reason);
    accepted = [...accepted, ...rest.slice(0, good)];
    rest = rest.slice(bad);
    if (rest.length === 0) break;
    if (left <= 0) return { is: 'found', refused, undecided: rest };
    reason = await ask([...accepted, ...rest]);
  }
  return { is: 'found', refused, undecided: [] };
}
