import type { Collection, Graph, Index } from '@weft/collections';
import type { FactCollections } from '../facts/fact-collections.ts';
import type { ServiceFact } from '../facts/facts.ts';
import type { WorkloadId } from '../model/mesh.ts';
import type { Workload } from '../model/workload.ts';

/** Which replicas stand behind which Service. */
export interface Members {
  /** What selectors look at, by workload. Readiness and addresses are no part of it. */
  readonly labels: Collection<Labels>;
  /** The replicas of each Service, in id order. */
  readonly members: Collection<readonly WorkloadId[]>;
  /** Services by replica. */
  readonly servicesOf: Index<readonly WorkloadId[]>;
}

export type Labels = Pick<Workload, 'namespace' | 'labels'>;

/** Finds replicas by one of the labels that a Service selects by, so that it need not look at all of them. */
export function serviceMembers(graph: Graph, facts: FactCollections): Members {
  const labels = graph.derive('labels', facts.workloads, ({ namespace, labels }): Labels => ({ namespace, labels }));
  const byLabel = labels.index('label', ({ namespace, labels }) =>
    Object.entries(labels).map(([label, value]) => labelKey(namespace, label, value)),
  );
  const members = graph.derive('members', facts.services, ({ namespace, selector }, read): readonly WorkloadId[] => {
    const [first] = Object.entries(selector);
    if (first === undefined) return [];
    const found = read.keys(byLabel, labelKey(namespace, ...first)).filter((id) => {
      const one = read.get(labels, id);
      return one !== undefined && selects({ namespace, selector }, one);
    });
    return found as WorkloadId[];
  });
  return { labels, members, servicesOf: members.index('workload', (ids) => ids) };
}

function labelKey(namespace: string, label: string, value: string): string {
  return `${namespace} ${label}=${value}`;
}

function selects({ namespace, selector }: Pick<ServiceFact, 'namespace' | 'selector'>, one: Labels): boolean {
  return one.namespace === namespace && Object.entries(selector).every(([label, value]) => one.labels[label] === value);
}
