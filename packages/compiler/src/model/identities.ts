import type { LogicalName, Mesh, SpiffeId } from './mesh.ts';

/** The name of callers whose account is that of several services: which of them calls, nobody can tell. */
export const anyOfSharers = '*';

/** As {@link identitiesOf}, by the name under which each is admitted; those of a shared account under {@link anyOfSharers}. */
export function identitiesByName(
  names: ReadonlySet<LogicalName>,
  mesh: Pick<Mesh, 'identities' | 'sharedIdentities'>,
): ReadonlyMap<LogicalName, readonly SpiffeId[]> {
  const found = new Map<LogicalName, readonly SpiffeId[]>();
  const named = new Set<SpiffeId>();
  for (const name of [...names].sort()) {
    const identities = [...(mesh.identities.get(name) ?? [])].sort();
    for (const identity of identities) named.add(identity);
    if (identities.length > 0) found.set(name, identities);
  }
  const shared = identitiesOf(names, mesh).filter((identity) => !named.has(identity));
  return shared.length === 0 ? found : found.set(anyOfSharers, shared);
}

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
    words.push(`; ${named.join(' and ')} shares its account with ${others.join(' and ')}, so it is not admitted`);
  }
  return words.join('');
}
