import type { Collection, Graph, Index } from '@weft/collections';
import { type ReadContract, readContract } from '../contracts/read-contract.ts';
import { defaultSettings } from '../facts/default-settings.ts';
import { type FactCollections, settingsKey } from '../facts/fact-collections.ts';
import type { ContractFact } from '../facts/facts.ts';
import type { ContractVersion } from '../model/contract.ts';
import type { LogicalName, MeshSettings } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import { defaultQuotas } from '../model/quotas.ts';
import { contractQuotaProblem, countedMethods, meshQuotas, namespaceQuotas } from './contract-quotas.ts';
import { ownersOf, ownersRow } from './package-owners.ts';

/** The contracts that count, and why others do not. Keys are contract keys, "namespace/hash". */
export interface ContractVersions {
  readonly versions: Collection<ContractVersion>;
  /** Published, but not understood or not its namespace's to publish: where each was read. */
  readonly refused: Collection<string>;
  /** Versions by the namespace that publishes them and the last part of their logical name, "bakery orders". */
  readonly byName: Index<ContractVersion>;
  /** Versions by logical name. */
  readonly byLogicalName: Index<ContractVersion>;
  /** The logical names of all versions, in the bucket `everyName`. */
  readonly names: Index<LogicalName>;
  /** Versions by where they were read. */
  readonly byOrigin: Index<ContractVersion>;
  readonly problems: Collection<readonly Problem[]>;
}

/** A contract: either a version or a refusal. */
interface Verdict {
  readonly fact: ContractFact;
  readonly version?: ContractVersion;
  readonly problems: readonly Problem[];
}

/** Reads every contract once, and asks whether its namespace may publish it. */
export function contractVersions(graph: Graph, facts: FactCollections): ContractVersions {
  const quotas = meshQuotas(graph, facts);
  // Equal bytes mean the same for as long as this process runs, so a contract is understood once, and one that is too large never.
  const read = graph.derive(
    'contracts read',
    facts.contracts,
    (fact, read): ReadContract & { readonly fact: ContractFact } => {
      const tooLarge = contractQuotaProblem(fact, undefined, read.get(quotas, settingsKey) ?? defaultQuotas);
      return tooLarge ? { fact, problems: [tooLarge] } : { fact, ...readContract(fact) };
    },
    { same: (a, b) => a.fact === b.fact && words(a.problems) === words(b.problems) },
  );
  const own = graph.derive('contracts', read, ({ fact, version, problems }, read): Verdict => {
    if (version === undefined) return { fact, problems };
    const refusal =
      ownershipProblem(version, read.get(facts.settings, settingsKey) ?? defaultSettings) ??
      contractQuotaProblem(fact, countedMethods(version), read.get(quotas, settingsKey) ?? defaultQuotas);
    return refusal ? { fact, problems: [refusal] } : { fact, version, problems };
  });
  const owned = graph.derive('contracts owned', own, ({ fact, version }) => version && { fact, version });
  const over = namespaceQuotas(graph, facts, owned, quotas);
  const verdicts = graph.derive('contracts judged', own, (verdict, read, key): Verdict => {
    const refusal = read.get(over, verdict.fact.namespace)?.get(key);
    return refusal && verdict.version ? { fact: verdict.fact, problems: [refusal] } : verdict;
  });
  const versions = graph.derive('contract versions', verdicts, ({ version }) => version);
  const byLogicalName = versions.index('logical name', ({ logicalName }) => [logicalName]);
  return {
    versions,
    refused: graph.derive('contracts refused', verdicts, ({ version, fact }) => (version ? undefined : fact.origin)),
    byName: versions.index('name', ({ namespace, logicalName }) => [
      nameKey({ namespace, name: lastPart(logicalName) }),
    ]),
    byLogicalName,
    names: graph
      .derive('names in contracts', versions, ({ logicalName }) => logicalName)
      .index('all', () => [everyName]),
    byOrigin: versions.index('origin', ({ origin }) => [origin]),
    problems: graph.derive('contract problems', verdicts, ({ problems }) => some(problems)),
  };
}

/** The bucket of `names`. */
export const everyName = 'all';

/** The bucket of `byName` for a Service. */
export function nameKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace} ${name}`;
}

/** Problems, or nothing when there are none. */
export function some(problems: readonly Problem[]): readonly Problem[] | undefined {
  return problems.length > 0 ? problems : undefined;
}

function words(problems: readonly Problem[]): string {
  return problems.map(({ message }) => message).join('\n');
}

function lastPart(logicalName: string): string {
  return logicalName.slice(logicalName.lastIndexOf('.') + 1);
}

function ownershipProblem(version: ContractVersion, settings: MeshSettings): Problem | undefined {
  const { namespace, logicalName } = version;
  const owners = ownersOf(settings, logicalName);
  if (owners.some((row) => row.namespace === namespace)) return undefined;
  const file = settings.origin ?? 'the MeshConfig';
  const row = ownersRow(namespace, logicalName);
  const belongs = owners.map((owner) => `namespace ${owner.namespace} by ${file} spec.packages[${owner.index}]`);
  return {
    resource: version.origin,
    ...(version.refs ? { about: version.refs } : {}),
    field: `package ${logicalName}`,
    message: `namespace ${namespace} may not speak for ${logicalName}; the contract has no effect`,
    advice:
      belongs.length > 0
        ? `${logicalName} belongs to ${belongs.join(' and to ')}; remove the contract, or add ${row} there`
        : `${row} in spec.packages of ${file}`,
  };
}
