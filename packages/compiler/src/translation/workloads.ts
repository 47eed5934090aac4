import type { Collection, Graph } from '@weft/collections';
import { defaultSettings } from '../facts/default-settings.ts';
import { type FactCollections, settingsKey } from '../facts/fact-collections.ts';
import type { ServiceFact } from '../facts/facts.ts';
import type { ContractVersion } from '../model/contract.ts';
import type { ContractKey, MeshSettings } from '../model/mesh.ts';
import { idOf, partsOfId } from '../model/names.ts';
import type { Problem } from '../model/problem.ts';
import { workloadRef } from '../model/resource-ref.ts';
import type { Workload } from '../model/workload.ts';
import { type ContractVersions, nameKey } from './contract-versions.ts';
import type { Members } from './members.ts';
import { podPorts } from './pod-ports.ts';

/** Replicas as the mesh sees them. */
export interface Workloads {
  /** With the ports at which each takes calls and the contract version that holds for it. */
  readonly workloads: Collection<Workload>;
  /** Those that say that they run a contract, understood or not. */
  readonly claims: Collection<ContractKey>;
  readonly problems: readonly Collection<readonly Problem[]>[];
}

/** The contract version that holds for a replica. */
interface Held {
  readonly hash?: string;
  readonly problem?: Problem;
}

/** Gives each replica its ports, its part in a gateway and its contract. */
export function meshWorkloads(
  graph: Graph,
  facts: FactCollections,
  contracts: ContractVersions,
  { members, servicesOf }: Members,
): Workloads {
  const claims = graph.derive(
    'contracts run',
    facts.workloads,
    ({ namespace, contractHash }): ContractKey | undefined =>
      contractHash === undefined ? undefined : `${namespace}/${contractHash}`,
  );
  const held = graph.derive('contracts held', claims, (key, read, id): Held | undefined => {
    const services = read.keys(servicesOf, id);
    const hash = hashIn(key);
    if (services.length === 0 || read.get(contracts.versions, key)) return { hash };
    const origin = read.get(contracts.refused, key);
    if (origin === undefined) return { problem: unpublished(id, key) };
    const lastGood =
      // The source has kept what the same file held before.
      read.values(contracts.byOrigin, origin)[0] ??
      // What its Service's other replicas run, else what its namespace publishes under its Service's name.
      first(services, (service) =>
        first(read.get(members, service) ?? [], (other) => {
          const own = read.get(claims, other);
          return own === undefined ? undefined : read.get(contracts.versions, own);
        }),
      ) ??
      first(services, (service) => read.values(contracts.byName, nameKey(partsOfId(idOf(service))))[0]);
    const problem = refused(id, hash, origin, lastGood);
    return lastGood ? { hash: lastGood.hash, problem } : { problem };
  });
  const workloads = graph.derive('workloads', facts.workloads, (fact, read, id): Workload => {
    const { gateway, contractHash, ...rest } = fact;
    // Most pods are neither: what a replica does not read costs it no memory.
    const hash = contractHash === undefined ? undefined : read.get(held, id)?.hash;
    const isReplica =
      gateway !== undefined &&
      foreignGateway(fact, read.get(facts.settings, settingsKey) ?? defaultSettings) === undefined;
    const services = rest.pod ? read.keys(servicesOf, id).flatMap((key) => read.get(facts.services, key) ?? []) : [];
    if (rest.pod === undefined && hash === contractHash && isReplica === (gateway !== undefined)) return fact;
    return {
      ...rest,
      ...(isReplica ? { gateway } : {}),
      ...(hash === undefined ? {} : { contractHash: hash }),
      ...(rest.pod && services.length > 0 ? { inbound: podPorts(rest.pod, services.sort(byAddressFirst)) } : {}),
    };
  });
  const contractProblems = graph.derive('problems of contracts held', held, ({ problem }) => problem && [problem]);
  const gatewayProblems = graph.derive('foreign gateways', facts.workloads, (fact, read) => {
    if (fact.gateway === undefined) return undefined;
    const problem = foreignGateway(fact, read.get(facts.settings, settingsKey) ?? defaultSettings);
    return problem && [problem];
  });
  return { workloads, claims, problems: [contractProblems, gatewayProblems] };
}

/** Services with a virtual address before headless ones, which are often their twins. */
function byAddressFirst(a: ServiceFact, b: ServiceFact): number {
  return Number(a.headless) - Number(b.headless) || (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1);
}

/**
 * Why a replica may not be a gateway's. Who is one calls by the gateway's name, so a mesh that gives the name to namespaces, as a proto
 * package, gives it to those only. A mesh that does not say admits all.
 */
function foreignGateway({ id, namespace, gateway }: Workload, settings: MeshSettings): Problem | undefined {
  const { packages, origin = 'the MeshConfig' } = settings;
  const owners = packages.filter(({ protoPackage }) => protoPackage === gateway?.name);
  if (gateway === undefined || owners.length === 0) return undefined;
  if (owners.some((owner) => owner.namespace === namespace)) return undefined;
  return {
    resource: `Workload ${id}`,
    about: [workloadRef(id)],
    field: 'spec.gateway.name',
    message: `namespace ${namespace} may not run gateway ${gateway.name}; the replica serves nothing`,
    advice: `${gateway.name} belongs to namespace ${owners.map((owner) => owner.namespace).join(', ')} by spec.packages of ${origin}`,
  };
}

function refused(id: string, hash: string, origin: string, lastGood: ContractVersion | undefined): Problem {
  const then = lastGood ? `${lastGood.hash} keeps serving` : 'nobody may call it';
  return {
    resource: `Workload ${id}`,
    about: [workloadRef(idOf(id))],
    field: 'spec.contract',
    message: `runs contract ${hash}, which has problems (${origin}); ${then}`,
    advice: 'fix the contract, or roll back',
  };
}

function unpublished(id: string, key: ContractKey): Problem {
  return {
    resource: `Workload ${id}`,
    about: [workloadRef(idOf(id))],
    field: 'spec.contract',
    message: `runs contract ${hashIn(key)}, which is not published in namespace ${partsOfId(key).namespace}`,
    advice: 'publish its descriptor set',
  };
}

function hashIn(key: ContractKey): string {
  return partsOfId(key).name;
}

/** The first result that there is. */
function first<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
