import type { ContractFact, Facts, Resource } from '@weft/compiler/facts/facts';
import { groupOf } from '@weft/compiler/model/resource-ref';

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

/** A MeshOverride, of any version of its kind. */
export function isOverride({ apiVersion, kind }: Resource): boolean {
  return kind === 'MeshOverride' && groupOf(apiVersion) === 'weft.dev';
}
