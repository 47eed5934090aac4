import type { Collection, Graph } from '@weft/collections';
import { readContract } from '@weft/compiler/contracts/read-contract';
import { contractFactKey, type FactCollections, resourceKey } from '@weft/compiler/facts/fact-collections';
import type { ContractFact, Resource, ServiceFact } from '@weft/compiler/facts/facts';
import type { ContractVersion } from '@weft/compiler/model/contract';
import { weftApiVersion } from '@weft/compiler/model/resource-ref';
import type { Workload } from '@weft/compiler/model/workload';
import { isOverride, type Pin } from './pin.ts';

/** The key under which a pin holds; without a value there nothing is held. */
export const pinKey = 'pin';

/** A pin, understood. */
interface Held {
  readonly pin: Pin;
  readonly contracts: readonly HeldContract[];
  /** "namespace/hash" of its contracts. */
  readonly keys: ReadonlySet<string>;
  /** What its contracts are called, and where they were. */
  readonly names: ReadonlySet<string>;
  readonly places: ReadonlySet<string>;
}

interface HeldContract {
  readonly fact: ContractFact;
  readonly name: string | undefined;
  /** Paths of methods that it repeats. */
  readonly retried: readonly string[];
}

/** What the replicas of a version are held to. */
interface HeldVersion {
  readonly hash: string;
  /** Paths that `hash` repeats and that the version which they really run may not. */
  readonly unsafe: readonly string[];
}

/**
 * The facts of now with the contracts and policies of a pin, while there is one. Replicas, services, accounts and settings stay those
 * of now: a replica of a version that the pin does not have is held to the version that its service ran then. A service that the pin
 * does not know keeps what it says now. A method that a version of now may not repeat is not retried, whatever was said then.
 *
 * Without a pin the facts pass, and nothing is read of them.
 */
export function pinFacts(graph: Graph, live: FactCollections, pins: Collection<Pin>): FactCollections {
  const held = graph.derive<Pin, Held>('held revision', pins, understood);
  const contracts = graph.union('pinned contracts', [
    graph.deriveMany('held contracts', held, ({ pin }, read) =>
      pin.contracts.map((fact) => {
        const key = contractFactKey(fact);
        // What is still published is known by where it is now.
        return [key, read.get(live.contracts, key) ?? fact];
      }),
    ),
    graph.derive<ContractFact, ContractFact>('contracts not held', live.contracts, (contract, read) => {
      const now = read.get(held, pinKey);
      return now && isHeld(contract, now) ? undefined : contract;
    }),
  ]);

  const versions = graph.derive<ContractFact, HeldVersion>('held versions', live.contracts, (contract, read, key) => {
    const now = read.get(held, pinKey);
    return now && !now.keys.has(key) ? versionFor(contract, now) : undefined;
  });
  const byVersion = live.workloads.index('by version', ({ namespace, contractHash }) =>
    contractHash === undefined ? [] : [`${namespace}/${contractHash}`],
  );
  const heldWorkloads = graph.deriveMany<HeldVersion, Workload>('held workloads', versions, ({ hash }, read, key) =>
    read.values(byVersion, key).map((workload) => [workload.id, { ...workload, contractHash: hash }]),
  );

  const unsafe = graph.deriveMany<HeldVersion, UnsafeReplica>(
    'unsafe replicas',
    versions,
    ({ unsafe: paths }, read, key) =>
      paths.length === 0 ? [] : read.values(byVersion, key).map((workload) => [workload.id, { workload, paths }]),
  );
  const unsafeIn = unsafe.index('by namespace', ({ workload }) => [workload.namespace]);
  const guards = graph.deriveMany<ServiceFact, Resource>('guards of a revert', live.services, (service, read) => {
    const pin = read.get(pins, pinKey);
    const guard = pin && guardOf(service, read.values(unsafeIn, service.namespace), pin);
    return guard ? [[resourceKey(guard), guard]] : [];
  });
  const resources = graph.union('pinned resources', [
    guards,
    graph.deriveMany<Pin, Resource>('held resources', pins, (pin) =>
      pin.resources.map((resource) => [resourceKey(resource), resource]),
    ),
    graph.derive<Resource, Resource>('resources not held', live.resources, (resource, read) =>
      read.get(pins, pinKey) === undefined || isOverride(resource) ? resource : undefined,
    ),
  ]);
  return {
    ...live,
    contracts,
    workloads: graph.union('pinned workloads', [heldWorkloads, live.workloads]),
    resources,
  };
}

function understood(pin: Pin): Held {
  const contracts = pin.contracts.map((fact): HeldContract => {
    const version = versionOf(fact);
    return { fact, name: nameOf(fact, version), retried: retried(version) };
  });
  return {
    pin,
    contracts,
    keys: new Set(pin.contracts.map(contractFactKey)),
    names: new Set(contracts.flatMap(({ name }) => name ?? [])),
    places: new Set(pin.contracts.map(placeOf)),
  };
}

/** A contract is held when the pin has one of its name. One that cannot be read is known by its file only. */
function isHeld(contract: ContractFact, { names, places }: Held): boolean {
  const name = nameOf(contract, versionOf(contract));
  return name === undefined ? places.has(placeOf(contract)) : names.has(name);
}

/** What the replicas of a contract are held to; undefined: the pin knows none of its name, or of its file. */
function versionFor(contract: ContractFact, { contracts, pin }: Held): HeldVersion | undefined {
  const version = versionOf(contract);
  const name = nameOf(contract, version);
  const candidates = contracts.filter(
    (held) =>
      held.fact.namespace === contract.namespace &&
      (name === undefined ? placeOf(held.fact) === placeOf(contract) : held.name === name),
  );
  const rank = ({ fact }: HeldContract) => pin.running.indexOf(contractFactKey(fact));
  const [chosen] = candidates.sort((a, b) => rank(b) - rank(a));
  if (chosen === undefined) return undefined;
  const unsafe = chosen.retried.filter((path) => version?.methods.get(path)?.safety === 'unsafe');
  return { hash: chosen.fact.hash, unsafe };
}

interface UnsafeReplica {
  readonly workload: Workload;
  readonly paths: readonly string[];
}

/** What keeps the methods of a service from being retried that some of its replicas may not repeat. */
function guardOf(
  { namespace, name, selector }: ServiceFact,
  replicas: readonly UnsafeReplica[],
  { revisionId }: Pin,
): Resource | undefined {
  // A Service without a selector has no replicas.
  if (Object.keys(selector).length === 0) return undefined;
  const own = replicas.filter(({ workload }) =>
    Object.entries(selector).every(([label, value]) => workload.labels[label] === value),
  );
  const methods = [...new Set(own.flatMap(({ paths }) => paths))].sort();
  if (methods.length === 0) return undefined;
  return {
    apiVersion: weftApiVersion,
    kind: 'MeshOverride',
    metadata: { namespace, name: `weft-revert-${name}` },
    spec: {
      service: name,
      methods,
      noRetry: true,
      reason: 'replicas run a version that may not repeat them',
      by: 'weft',
    },
    origin: `weft revert ${revisionId}`,
  };
}

function versionOf(contract: ContractFact): ContractVersion | undefined {
  return readContract(contract).version;
}

function retried(version: ContractVersion | undefined): string[] {
  return [...(version?.methods.values() ?? [])].filter(({ retry, hedge }) => retry ?? hedge).map(({ path }) => path);
}

function nameOf({ namespace }: ContractFact, version: ContractVersion | undefined): string | undefined {
  return version && `${namespace}/${version.logicalName}`;
}

function placeOf({ namespace, origin }: ContractFact): string {
  return `${namespace} ${origin}`;
}
