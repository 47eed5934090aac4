import type { Collection, Graph, Index } from '@weft/collections';
import type { ContractVersion } from '../model/contract.ts';
import type { LogicalName, SpiffeId } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import { some } from './contract-versions.ts';
import type { Services } from './services.ts';
import type { Workloads } from './workloads.ts';

/** Who speaks under which logical name. */
export interface Identities {
  /** By logical name; an account that several names share is in none. */
  readonly identities: Collection<readonly SpiffeId[]>;
  /** By account: the names that share it, "" for a service without one. */
  readonly shared: Collection<readonly LogicalName[]>;
  /** Shared accounts by each of their names. */
  readonly sharedBy: Index<readonly LogicalName[]>;
  readonly problems: Collection<readonly Problem[]>;
}

/** The names that an account could speak under, and who it is under each. */
type Claims = readonly (readonly [name: LogicalName, by: string])[];

/**
 * Says which identities speak under which logical name. One account, one service: an account under several names could not be told
 * apart, so only a rule that names all of them admits it, and one that names some of them is a problem.
 */
export function meshIdentities(graph: Graph, { services, laid }: Services, { workloads }: Workloads): Identities {
  // A service without a contract has no name, but its account must not borrow one.
  const ofServices = graph.derive('accounts of services', services, ({ id, logicalName = '', identities }) => ({
    claim: [logicalName, `Service ${id}`] as const,
    identities,
  }));
  const ofGateways = graph.derive('accounts of gateways', workloads, ({ gateway, spiffeId }) =>
    gateway === undefined ? undefined : { claim: [gateway.name, `gateway ${gateway.name}`] as const, spiffeId },
  );
  const services_ = ofServices.index('account', ({ identities }) => identities);
  const gateways = ofGateways.index('account', ({ spiffeId }) => [spiffeId]);
  const accounts = graph.group(
    'accounts',
    workloads.index('account', ({ spiffeId }) => [spiffeId]),
    (account, read) => {
      const claims = new Map<LogicalName, string>();
      for (const { claim } of read.values(services_, account)) claims.set(...claim);
      for (const { claim } of read.values(gateways, account)) claims.set(...claim);
      return claims.size === 0 ? undefined : ([...claims] satisfies Claims);
    },
  );
  const byOnlyName = accounts.index('only name', (claims) =>
    claims.flatMap(([name]) => (claims.length === 1 && name !== '' ? [name] : [])),
  );
  const identities = graph.group('identities', byOnlyName, (name, read) => read.keys(byOnlyName, name) as SpiffeId[]);
  const shared = graph.derive('shared identities', accounts, (claims) =>
    claims.length > 1 ? claims.map(([name]) => name).sort() : undefined,
  );
  const sharedBy = shared.index('name', (names) => names);
  const named = graph.derive('callers named', laid, ({ versions }) => ({ versions, names: callersNamed(versions) }), {
    same: (a, b) => a.versions === b.versions,
  });
  const byNamed = named.index('name', ({ names }) => names);
  const problems = graph.derive('accounts in common', shared, (names, read, account) => {
    const claims = read.get(accounts, account) ?? [];
    const naming = new Set(names.flatMap((name) => read.keys(byNamed, name)));
    const found = [...naming].sort().flatMap((service) => read.get(named, service) ?? []);
    return some(found.flatMap(({ versions }) => halfNamed(account, claims, versions)));
  });
  return { identities, shared, sharedBy, problems };
}

function callersNamed(versions: readonly ContractVersion[]): ReadonlySet<LogicalName> {
  return new Set(versions.flatMap(({ methods }) => [...methods.values()].flatMap(({ callers }) => [...callers])));
}

/** The contracts that name some of those who share an account, and not all. */
function halfNamed(account: string, claims: Claims, versions: readonly ContractVersion[]): Problem[] {
  const names = claims.map(([name]) => name);
  const sharers = claims.map(([, by]) => by).sort();
  const missing = new Map<string, Problem>();
  for (const version of versions) {
    for (const method of version.methods.values()) {
      const named = names.filter((name) => method.callers.has(name));
      if (named.length === 0 || named.length === names.length) continue;
      const key = `${version.origin} ${method.grpcService} ${named.join()}`;
      const first = missing.get(key);
      missing.set(key, {
        resource: version.origin,
        ...(version.refs ? { about: version.refs } : {}),
        // Of a service whose methods all say the same, its one line.
        field: first ? method.grpcService : method.path.slice(1),
        message: `callers names ${named.join(', ')}, whose account ${account} is shared by ${sharers.join(', ')}; they cannot be told apart and are refused`,
        advice: names.includes('')
          ? 'one service account for each'
          : `one service account for each, or a rule that names ${[...names].sort().join(' and ')}`,
      });
    }
  }
  return [...missing.values()];
}
