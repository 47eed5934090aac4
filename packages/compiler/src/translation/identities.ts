import type { LogicalName, Mesh, ServiceId, SpiffeId } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import type { Service } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';

/**
 * Says which identities speak under which logical name. One account, one service: an account under several names could not be told
 * apart, so only a rule that names all of them admits it, and one that names some of them is a problem.
 */
export function assembleIdentities(
  services: ReadonlyMap<ServiceId, Service>,
  workloads: readonly Workload[],
): Pick<Mesh, 'identities' | 'sharedIdentities'> & { problems: Problem[] } {
  // For each account the names that it could speak under, and who it is under each.
  const namesOf = new Map<SpiffeId, Map<LogicalName, string>>();
  const claim = (identity: SpiffeId, name: LogicalName, by: string) => {
    const names = namesOf.get(identity) ?? new Map<LogicalName, string>();
    names.set(name, by);
    namesOf.set(identity, names);
  };
  for (const service of services.values()) {
    // A service without a contract has no name, but its account must not borrow one.
    for (const identity of service.identities) claim(identity, service.logicalName ?? '', `Service ${service.id}`);
  }
  for (const workload of workloads) {
    if (workload.gateway) claim(workload.spiffeId, workload.gateway.name, `gateway ${workload.gateway.name}`);
  }
  const identities = new Map<LogicalName, SpiffeId[]>();
  const sharedIdentities = new Map<SpiffeId, readonly LogicalName[]>();
  const problems: Problem[] = [];
  for (const [identity, names] of [...namesOf].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [only, ...others] = names.keys();
    if (only === undefined) continue;
    if (others.length > 0) {
      sharedIdentities.set(identity, [...names.keys()].sort());
      problems.push(...halfNamed(identity, names, services));
    } else if (only !== '') {
      identities.set(only, [...(identities.get(only) ?? []), identity]);
    }
  }
  return {
    identities: new Map([...identities].sort(([a], [b]) => (a < b ? -1 : 1))),
    sharedIdentities,
    problems,
  };
}

/** The contracts that name some of those who share an account, and not all. */
function halfNamed(
  identity: SpiffeId,
  names: ReadonlyMap<LogicalName, string>,
  services: ReadonlyMap<ServiceId, Service>,
): Problem[] {
  const sharers = [...names.values()].sort().join(', ');
  const missing = new Map<string, Problem>();
  for (const service of services.values()) {
    for (const version of service.versions.values()) {
      for (const method of version.methods.values()) {
        const named = [...names.keys()].filter((name) => method.callers.has(name));
        if (named.length === 0 || named.length === names.size) continue;
        const field = method.path.slice(1);
        const key = `${version.origin} ${method.grpcService} ${named.join()}`;
        const first = missing.get(key);
        missing.set(key, {
          resource: version.origin,
          ...(version.refs ? { about: version.refs } : {}),
          // Of a service whose methods all say the same, its one line.
          field: first ? method.grpcService : field,
          message: `callers names ${named.join(', ')}, whose account ${identity} is shared by ${sharers}; they cannot be told apart and are refused`,
          advice: names.has('')
            ? 'one service account for each'
            : `one service account for each, or a rule that names ${[...names.keys()].sort().join(' and ')}`,
        });
      }
    }
  }
  return [...missing.values()];
}
