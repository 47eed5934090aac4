import type { Facts } from '../facts/facts.ts';
import type { Problem } from '../model/problem.ts';
import { workloadRef } from '../model/resource-ref.ts';

/**
 * Takes the part in a gateway from replicas whose namespace may not run it. Who is a gateway's replica calls by the gateway's name,
 * so a mesh that gives the name to namespaces, as a proto package, gives it to those only. A mesh that does not say admits all.
 */
export function withoutForeignGateways(facts: Facts): { facts: Facts; problems: Problem[] } {
  const problems: Problem[] = [];
  const { packages, origin = 'the MeshConfig' } = facts.settings;
  const workloads = facts.workloads.map((workload) => {
    const { gateway, ...rest } = workload;
    if (gateway === undefined) return workload;
    const owners = packages.filter(({ protoPackage }) => protoPackage === gateway.name);
    if (owners.length === 0 || owners.some(({ namespace }) => namespace === workload.namespace)) return workload;
    problems.push({
      resource: `Workload ${workload.id}`,
      about: [workloadRef(workload.id)],
      field: 'spec.gateway.name',
      message: `namespace ${workload.namespace} may not run gateway ${gateway.name}; the replica serves nothing`,
      advice: `${gateway.name} belongs to namespace ${owners.map(({ namespace }) => namespace).join(', ')} by spec.packages of ${origin}`,
    });
    return rest;
  });
  return problems.length === 0 ? { facts, problems } : { facts: { ...facts, workloads }, problems };
}
