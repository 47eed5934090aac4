import type { LogicalName, ServiceId, SpiffeId } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import type { Service } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';

/**
 * Says which identities speak under which logical name. One account, one service: an account under two names could not be told
 * apart, so it speaks under neither, and the contracts that name one of them refuse it.
 */
export function assembleIdentities(
  services: ReadonlyMap<ServiceId, Service>,
  workloads: readonly Workload[],
): { identities: ReadonlyMap<LogicalName, readonly SpiffeId[]>; problems: Problem[] } {
  // For each account the names that it could speak under, and an example of each for the message.
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
  const found = new Map<LogicalName, SpiffeId[]>();
  const problems: Problem[] = [];
  for (const [identity, names] of [...namesOf].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [only, ...others] = names.keys();
    if (only === undefined) continue;
    if (others.length > 0) {
      problems.push({
        resource: [...names.values()].sort().join(', '),
        message: `share the account ${identity} and cannot be told apart; no contract that names one of them admits it`,
        advice: 'one service account for each',
      });
    } else if (only !== '') {
      found.set(only, [...(found.get(only) ?? []), identity]);
    }
  }
  return { identities: new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1))), problems };
}
