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
