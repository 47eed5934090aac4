import type { Facts } from '../facts/facts.ts';
import { readPolicyLayer } from '../mesh-policy/policy-layer.ts';
import type { Mesh } from '../model/mesh.ts';
import { withoutForeignGateways } from './gateway-replicas.ts';
import { assembleGateways } from './gateways.ts';
import { assembleIdentities } from './identities.ts';
import { knownContracts } from './known-contracts.ts';
import { lookAlikes } from './look-alikes.ts';
import { mirrorProblems } from './mirrors.ts';
import { assembleServices } from './services.ts';
import { share } from './share.ts';

/**
 * Makes the mesh out of what is out there. Pure, and never throws: what is not understood is in `problems` and stops nothing else.
 *
 * With `previous`, the mesh before these facts: parts that did not change are the same objects, a contract that broke keeps its
 * last good version, and a version whose descriptor set is gone stays while a replica runs it.
 *
 * `nowMs` (epoch milliseconds) decides which overrides hold; `nextChangeMs` of the result says when to ask again with the same
 * facts. At 0, the default, none has ended and none may loosen.
 */
export function assemble(found: Facts, previous?: Mesh, nowMs = 0): Mesh {
  const { facts, problems: foreignGateways } = withoutForeignGateways(found);
  const known = knownContracts(facts, previous);
  const layer = readPolicyLayer(facts.resources, nowMs);
  const { services, workloads, contracts, problems: serviceProblems } = assembleServices(facts, known, layer, previous);
  const { overrides, problems: policyProblems } = layer.outcome(new Set(services.keys()));
  const { identities, sharedIdentities, problems: identityProblems } = assembleIdentities(services, workloads);
  const { gateways, problems: gatewayProblems } = assembleGateways(facts.gateways, workloads, services);
  return share(previous, {
    settings: facts.settings,
    services,
    workloads: new Map(workloads.map((workload) => [workload.id, workload])),
    gateways,
    externalServices: [...facts.externalServices].sort((a, b) => (a.id < b.id ? -1 : 1)),
    contracts,
    identities,
    sharedIdentities,
    overrides,
    ...(layer.nextChangeMs === undefined ? {} : { nextChangeMs: layer.nextChangeMs }),
    problems: [
      ...facts.problems,
      ...known.problems,
      ...serviceProblems,
      ...lookAlikes(facts, services, workloads),
      ...policyProblems,
      ...identityProblems,
      ...foreignGateways,
      ...gatewayProblems,
      ...mirrorProblems(services),
    ],
  });
}
