import type { Collection, Graph } from '@weft/collections';
import { contractFactKey, type FactCollections, settingsKey } from '../facts/fact-collections.ts';
import type { ContractFact } from '../facts/facts.ts';
import type { ContractVersion } from '../model/contract.ts';
import type { Problem } from '../model/problem.ts';
import { defaultQuotas, type Quotas } from '../model/quotas.ts';

/** A contract that its namespace may publish. */
export interface OwnedContract {
  readonly fact: ContractFact;
  readonly version: ContractVersion;
}

const counted = 'methods and further REST paths';

/** What a mesh says of quotas, under `settingsKey`. */
export function meshQuotas(graph: Graph, facts: FactCollections): Collection<Quotas> {
  return graph.derive('contract quotas', facts.settings, ({ quotas }) => quotas);
}

/** Methods as quotas count them: each further REST path costs a gateway what a method does. */
export function countedMethods({ methods }: Pick<ContractVersion, 'methods'>): number {
  return [...methods.values()].reduce((sum, { http }) => sum + Math.max(1, http.length), 0);
}

/** Why a contract is too large by itself; undefined: it is not. `methods`: `countedMethods`; absent before it has been read. */
export function contractQuotaProblem(
  fact: ContractFact,
  methods: number | undefined,
  quotas: Quotas,
): Problem | undefined {
  const bytes = fact.descriptorSet.length;
  if (bytes > quotas.contractBytes) {
    return refusal(fact, `the contract has ${bytes} bytes; spec.quotas.contractBytes is ${quotas.contractBytes}`);
  }
  if (methods !== undefined && methods > quotas.contractMethods) {
    return refusal(
      fact,
      `the contract has ${methods} ${counted}; spec.quotas.contractMethods is ${quotas.contractMethods}`,
    );
  }
  return undefined;
}

/**
 * Contracts that are over the quota of their namespace, by contract key, by namespace. Those that replicas run come first, then by key,
 * so that a namespace which publishes too much loses what nobody runs yet, and no other namespace notices.
 */
export function namespaceQuotas(
  graph: Graph,
  facts: FactCollections,
  owned: Collection<OwnedContract>,
  quotas: Collection<Quotas>,
): Collection<ReadonlyMap<string, Problem>> {
  const named = facts.workloads.index('contract run', ({ namespace, contractHash }) =>
    contractHash === undefined ? [] : [`${namespace}/${contractHash}`],
  );
  // However many replicas run a version, their coming and going changes nothing but with the first and the last.
  const run = graph.group('contracts in use', named, () => true as const);
  const byNamespace = owned.index('namespace of contract', ({ fact }) => [fact.namespace]);
  return graph.group('quotas of namespaces', byNamespace, (namespace, read) => {
    const { namespaceMethods, namespaceBytes } = read.get(quotas, settingsKey) ?? defaultQuotas;
    const found = read
      .values(byNamespace, namespace)
      .map((contract) => ({ ...contract, key: contractFactKey(contract.fact) }));
    let [methods, bytes] = sizes(found);
    if (methods <= namespaceMethods && bytes <= namespaceBytes) return undefined;
    const inUse = new Set(found.filter(({ key }) => read.get(run, key)).map(({ key }) => key));
    found.sort((a, b) => Number(inUse.has(b.key)) - Number(inUse.has(a.key)) || (a.key < b.key ? -1 : 1));
    [methods, bytes] = [0, 0];
    const refused = new Map<string, Problem>();
    for (const contract of found) {
      const [withMethods, withBytes] = [
        methods + countedMethods(contract.version),
        bytes + contract.fact.descriptorSet.length,
      ];
      if (withMethods > namespaceMethods || withBytes > namespaceBytes) {
        const words =
          withMethods > namespaceMethods
            ? `${withMethods} ${counted} in its contracts; spec.quotas.namespaceMethods is ${namespaceMethods}`
            : `${withBytes} bytes of contracts; spec.quotas.namespaceBytes is ${namespaceBytes}`;
        refused.set(contract.key, refusal(contract.fact, `with it namespace ${namespace} would have ${words}`));
        continue;
      }
      [methods, bytes] = [withMethods, withBytes];
    }
    return refused;
  });
}

function sizes(found: readonly OwnedContract[]): [methods: number, bytes: number] {
  return [
    found.reduce((sum, { version }) => sum + countedMethods(version), 0),
    found.reduce((sum, { fact }) => sum + fact.descriptorSet.length, 0),
  ];
}

function refusal({ origin, refs }: ContractFact, message: string): Problem {
  return {
    resource: origin,
    ...(refs ? { about: refs } : {}),
    message: `${message}; the contract has no effect`,
    advice: 'fewer or smaller contracts, or a higher quota in the MeshConfig',
  };
}
