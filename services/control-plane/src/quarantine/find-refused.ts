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
 * Finds the items without which a judge accepts all the others, by halves: it asks at most 4 times, and about 2 log2(n) times more for each
 * refused item, about fewer and fewer of them. Of items that are refused only together, the later one is to blame; two that stand in halves
 * which are refused anyway are found by the next search.
 */
export async function findRefused<T>({ known, others, judge, maxProbes }: FindOptions<T>): Promise<Found<T>> {
  const search = new Search(judge, maxProbes);
  const baseless = await search.ask([]);
  if (baseless !== undefined) return { is: 'everything', reason: baseless };
  // Nearly always what is new is refused by itself, and need not be judged together with all the rest.
  const alone = known.length > 0 && others.length > 0 ? await search.ask(others) : undefined;
  if (alone !== undefined) return search.split(others, alone);
  const all = [...known, ...others];
  const reason = await search.ask(all);
  if (reason === undefined) return { is: 'nothing' };
  const isKnown = known.length > 0 && others.length > 0 && (await search.ask(known)) === undefined;
  return isKnown ? search.append(known, others, reason) : search.split(all, reason);
}

class Search<T> {
  readonly #judge: Judge<T>;
  readonly #refused = new Map<T, string>();
  readonly #undecided: T[] = [];
  #left: number;

  constructor(judge: Judge<T>, maxProbes: number) {
    this.#judge = judge;
    this.#left = maxProbes;
  }

  ask(items: readonly T[]): Promise<string | undefined> {
    this.#left--;
    return this.#judge(items);
  }

  /** Finds the refused ones among items that are refused together. */
  async split(items: readonly T[], reason: string): Promise<Found<T>> {
    const [first] = items;
    if (items.length === 1 && first !== undefined) this.#refused.set(first, reason);
    else if (this.#left < 2) this.#undecided.push(...items);
    else {
      const middle = items.length >> 1;
      const [one, other] = [items.slice(0, middle), items.slice(middle)];
      const [ofOne, ofOther] = [await this.ask(one), await this.ask(other)];
      if (ofOne !== undefined) await this.split(one, ofOne);
      if (ofOther !== undefined) await this.split(other, ofOther);
      if (ofOne === undefined && ofOther === undefined) await this.append(one, other, reason);
    }
    return { is: 'found', refused: this.#refused, undecided: this.#undecided };
  }

  /** Finds the refused ones among items that are refused only together with some that are `accepted`. */
  async append(accepted: readonly T[], items: readonly T[], reason: string): Promise<Found<T>> {
    let before = accepted;
    let rest = items;
    for (let why: string | undefined = reason; why !== undefined && rest.length > 0; ) {
      // `good` of the rest are accepted, `bad` of it are not.
      let good = 0;
      let bad = rest.length;
      while (bad - good > 1 && this.#left > 0) {
        const middle = (good + bad) >> 1;
        const words = await this.ask([...before, ...rest.slice(0, middle)]);
        if (words === undefined) good = middle;
        else {
          bad = middle;
          why = words;
        }
      }
      if (this.#left <= 0) {
        this.#undecided.push(...rest.slice(good));
        break;
      }
      for (const culprit of rest.slice(good, bad)) this.#refused.set(culprit, why);
      before = [...before, ...rest.slice(0, good)];
      rest = rest.slice(bad);
      why = rest.length > 0 ? await this.ask([...before, ...rest]) : undefined;
    }
    return { is: 'found', refused: this.#refused, undecided: this.#undecided };
  }
}
