import type { Mesh } from '../model/mesh.ts';
import type { Facts } from '../sources/facts.ts';
import { assembleGateways } from './gateways.ts';
import { assembleIdentities } from './identities.ts';
import { knownContracts } from './known-contracts.ts';
import { assembleServices } from './services.ts';
import { share } from './share.ts';

/**
 * Makes the mesh out of what is out there. Pure, and never throws: what is not understood is in `problems` and stops nothing else.
 *
 * With `previous`, the mesh before these facts: parts that did not change are the same objects, a contract that broke keeps its
 * last good version, and a version whose descriptor set is gone stays while a replica runs it.
 */
export function assemble(facts: Facts, previous?: Mesh): Mesh {
  const known = knownContracts(facts, previous);
  const { services, workloads, contracts, problems: serviceProblems } = assembleServices(facts, known, previous);
  const { identities, problems: identityProblems } = assembleIdentities(services, workloads);
  const { gateways, problems: gatewayProblems } = assembleGateways(facts.gateways, workloads, services);
  return share(previous, {
    settings: facts.settings,
    services,
    workloads: new Map(workloads.map((workload) => [workload.id, workload])),
    gateways,
    contracts,
    identities,
    problems: [...facts.problems, ...known.problems, ...serviceProblems, ...identityProblems, ...gatewayProblems],
  });
}
