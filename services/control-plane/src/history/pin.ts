import { readContract } from '@weft/compiler/contracts/read-contract';
import type { ContractFact, Facts, Resource } from '@weft/compiler/facts/facts';
import { memoize } from '@weft/compiler/memoize';
import type { ContractVersion } from '@weft/compiler/model/contract';
import { groupOf } from '@weft/compiler/model/resource-ref';
import type { Workload } from '@weft/compiler/model/workload';

/** What a revision said about contracts and policies, held whatever their sources say since. */
export interface Pin {
  readonly revisionId: string;
  readonly sinceMs: number;
  /** In the words of whoever did it. */
  readonly why: string;
  readonly by: string;
  readonly contracts: readonly ContractFact[];
  /** All but overrides: an emergency that begins now counts now, and one that has ended does not come back. */
  readonly resources: readonly Resource[];
  /** `namespace/hash` of the versions that its replicas ran, the most frequent last. */
  readonly running: readonly string[];
}

/** The pin of a revision's facts. */
export function pinOf(facts: Facts, pin: Pick<Pin, 'revisionId' | 'sinceMs' | 'why' | 'by'>): Pin {
  const counts = new Map<string, number>();
  for (const { namespace, contractHash } of facts.workloads) {
    const key = `${namespace}/${contractHash}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return {
    ...pin,
    contracts: facts.contracts,
    resources: facts.resources.filter((resource) => !isOverride(resource)),
    running: [...counts].sort(([, a], [, b]) => a - b).map(([key]) => key),
  };
}

/**
 * The facts of now with the contracts and policies of a pin. Replicas, services, accounts and settings stay those of now: a replica
 * of a version that the pin does not have is held to the version that its service ran then. A service that the pin does not know
 * keeps what it says now. A method that a version of now may not repeat is not retried, whatever was said then.
 *
 * Pure; the same facts give the same parts.
 */
export function pinned(live: Facts, pin: Pin): Facts {
  const contracts = heldContracts(live.contracts, pin.contracts);
  const { workloads, unsafe } = heldWorkloads(live.workloads, live.contracts, pin.contracts, pin.running);
  const resources = heldResources(live.resources, live.services, unsafe, pin.resources, pin);
  return live.contracts === contracts && live.workloads === workloads && live.resources === resources
    ? live
    : { ...live, contracts, workloads, resources };
}

const heldContracts = memoize(
  (live: readonly ContractFact[], held: readonly ContractFact[]): readonly ContractFact[] => {
    const byKey = new Map(live.map((contract) => [keyOf(contract), contract]));
    const names = new Set(held.map(nameOf));
    const origins = new Set(held.map(placeOf));
    const others = live.filter((contract) => {
      const name = nameOf(contract);
      // One that cannot be read is known by its file only.
      return name === undefined ? !origins.has(placeOf(contract)) : !names.has(name);
    });
    // What is still published is known by where it is now.
    return [...held.map((contract) => byKey.get(keyOf(contract)) ?? contract), ...others];
  },
);

interface Held {
  readonly workloads: readonly Workload[];
  /** Replicas to the paths that the version which they really run may not repeat. */
  readonly unsafe: readonly { readonly workload: Workload; readonly paths: readonly string[] }[];
}

const heldWorkloads = memoize(
  (
    live: readonly Workload[],
    contracts: readonly ContractFact[],
    held: readonly ContractFact[],
    running: readonly string[],
  ): Held => {
    const keys = new Set(held.map(({ namespace, hash }) => `${namespace}/${hash}`));
    const unsafe: Held['unsafe'][number][] = [];
    const workloads = live.map((workload) => {
      const { namespace, contractHash } = workload;
      if (contractHash === undefined || keys.has(`${namespace}/${contractHash}`)) return workload;
      const own = contracts.find((contract) => contract.namespace === namespace && contract.hash === contractHash);
      const version = own && versionOf(own);
      const candidates = held.filter(
        (contract) =>
          contract.namespace === namespace &&
          own !== undefined &&
          (version ? nameOf(contract) === nameOf(own) : placeOf(contract) === placeOf(own)),
      );
      const rank = (contract: ContractFact) => running.indexOf(`${namespace}/${contract.hash}`);
      const [chosen] = [...candidates].sort((a, b) => rank(b) - rank(a));
      if (chosen === undefined) return workload;
      const paths = retried(versionOf(chosen)).filter((path) => version?.methods.get(path)?.safety === 'unsafe');
      if (paths.length > 0) unsafe.push({ workload, paths });
      return heldTo(workload, chosen.hash);
    });
    return { workloads, unsafe };
  },
);

const heldTo = memoize((workload: Workload, contractHash: string): Workload => ({ ...workload, contractHash }));

const heldResources = memoize(
  (
    live: Facts['resources'],
    services: Facts['services'],
    unsafe: Held['unsafe'],
    held: readonly Resource[],
    pin: Pin,
  ): readonly Resource[] => {
    const guards: Resource[] = [];
    for (const { namespace, name, selector } of services) {
      const own = unsafe.filter(
        ({ workload }) =>
          workload.namespace === namespace &&
          Object.entries(selector).every(([label, value]) => workload.labels[label] === value),
      );
      const methods = [...new Set(own.flatMap(({ paths }) => paths))].sort();
      if (methods.length === 0) continue;
      guards.push({
        apiVersion: 'weft.dev/v1',
        kind: 'MeshOverride',
        metadata: { namespace, name: `weft-revert-${name}` },
        spec: {
          service: name,
          methods,
          noRetry: true,
          reason: 'replicas run a version that may not repeat them',
          by: 'weft',
        },
        origin: `weft revert ${pin.revisionId}`,
      });
    }
    return [...held, ...live.filter(isOverride), ...guards];
  },
);

const versionOf = memoize((contract: ContractFact): ContractVersion | undefined => readContract(contract).version);

function retried(version: ContractVersion | undefined): string[] {
  return [...(version?.methods.values() ?? [])].filter(({ retry, hedge }) => retry ?? hedge).map(({ path }) => path);
}

function nameOf(contract: ContractFact): string | undefined {
  const version = versionOf(contract);
  return version && `${contract.namespace}/${version.logicalName}`;
}

function keyOf({ namespace, hash }: ContractFact): string {
  return `${namespace}/${hash}`;
}

function placeOf({ namespace, origin }: ContractFact): string {
  return `${namespace} ${origin}`;
}

function isOverride({ apiVersion, kind }: Resource): boolean {
  return kind === 'MeshOverride' && groupOf(apiVersion) === 'weft.dev';
}
