import type { MeshSettings } from './mesh.ts';
import type { Workload } from './workload.ts';

/** What becomes of calls to a destination that is neither the mesh's nor declared. */
export type UndeclaredCalls = 'allow' | 'deny';

/** The same for some workloads: all that is given must hold. */
export interface OutboundRule {
  readonly namespace: string;
  /** Default: none, every workload of the namespace. */
  readonly labels: Readonly<Record<string, string>>;
  readonly outbound: UndeclaredCalls;
}

/** What becomes of the undeclared calls of a workload: the first rule about it counts, else what the mesh says. */
export function undeclaredCalls(
  { outbound, outbounds = [] }: Pick<MeshSettings, 'outbound' | 'outbounds'>,
  { namespace, labels }: Pick<Workload, 'namespace' | 'labels'>,
): UndeclaredCalls {
  const rule = outbounds.find(
    (each) =>
      each.namespace === namespace && Object.entries(each.labels).every(([label, value]) => labels[label] === value),
  );
  return rule?.outbound ?? outbound;
}
