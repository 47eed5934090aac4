import type { LogicalName, Mesh, SpiffeId } from './mesh.ts';

/** Who is admitted by a rule that names these callers; an account of several names only when it names them all. */
export function identitiesOf(
  names: ReadonlySet<LogicalName>,
  { identities, sharedIdentities }: Pick<Mesh, 'identities' | 'sharedIdentities'>,
): SpiffeId[] {
  const found = new Set([...names].flatMap((name) => identities.get(name) ?? []));
  for (const [identity, sharers] of sharedIdentities) {
    if (sharers.every((name) => names.has(name))) found.add(identity);
  }
  return [...found].sort();
}

/**
 * Why a rule that names these callers does not admit some of them, to be put behind a sentence: "; bakery.orders has its account in
 * common with bakery.returns, so it is not admitted"; "" when it admits all whom it names. `only`: of these accounts.
 */
export function sharedAccountWords(
  names: ReadonlySet<LogicalName>,
  { sharedIdentities }: Pick<Mesh, 'sharedIdentities'>,
  only?: ReadonlySet<SpiffeId>,
): string {
  const words: string[] = [];
  for (const [identity, sharers] of sharedIdentities) {
    if (only !== undefined && !only.has(identity)) continue;
    const named = sharers.filter((name) => names.has(name));
    if (named.length === 0 || named.length === sharers.length) continue;
    const others = sharers
      .filter((name) => !names.has(name))
      .map((name) => (name === '' ? 'a service without a contract' : name));
    words.push(
      `; ${named.join(' and ')} has its account in common with ${others.join(' and ')}, so it is not admitted`,
    );
  }
  return words.join('');
}
