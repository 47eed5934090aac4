import { readContract } from '../contracts/read-contract.ts';
import type { ContractFact, Facts } from '../facts/facts.ts';
import { memoize } from '../memoize.ts';
import type { ContractVersion } from '../model/contract.ts';
import type { ContractKey, Mesh, MeshSettings } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import type { Workload } from '../model/workload.ts';
import { ownersOf, ownersRow } from './package-owners.ts';

/** The contracts that count, and why others do not. */
export interface KnownContracts {
  readonly versions: ReadonlyMap<ContractKey, ContractVersion>;
  /** Published, but not understood or not its namespace's to publish. */
  readonly refused: ReadonlyMap<ContractKey, ContractFact>;
  readonly problems: readonly Problem[];
}

/** Reads every contract that is new, and keeps those that `previous` knows and a replica still runs. */
export function knownContracts(facts: Facts, previous: Mesh | undefined): KnownContracts {
  const versions = new Map<ContractKey, ContractVersion>();
  const refused = new Map<ContractKey, ContractFact>();
  const problems: Problem[] = [];
  for (const fact of facts.contracts) {
    const key: ContractKey = `${fact.namespace}/${fact.hash}`;
    // Equal hashes are equal bytes, and what they mean does not change while this process runs.
    const known = previous?.contracts.get(key);
    const read = known ? { version: known.origin === fact.origin ? known : movedTo(fact, known) } : undefined;
    const { version, problems: found } = read ? { ...read, problems: [] } : readContract(fact);
    problems.push(...found);
    const foreign = version && ownershipProblem(version, facts.settings);
    if (foreign) problems.push(foreign);
    if (version && !foreign) versions.set(key, version);
    else refused.set(key, fact);
  }
  for (const workload of facts.workloads) {
    const key = contractKey(workload);
    const known = key && previous?.contracts.get(key);
    if (!known || versions.has(key) || refused.has(key) || ownershipProblem(known, facts.settings)) continue;
    versions.set(key, known);
  }
  return { versions: new Map([...versions].sort(([a], [b]) => (a < b ? -1 : 1))), refused, problems };
}

/** The same contract, published elsewhere. */
function movedTo({ origin, refs }: ContractFact, { refs: _, ...version }: ContractVersion): ContractVersion {
  return { ...version, origin, ...(refs ? { refs } : {}) };
}

/** The key of the version that a replica runs. */
export function contractKey(workload: Workload): ContractKey | undefined {
  return workload.contractHash === undefined ? undefined : `${workload.namespace}/${workload.contractHash}`;
}

const ownershipProblem = memoize((version: ContractVersion, settings: MeshSettings): Problem | undefined => {
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
});
