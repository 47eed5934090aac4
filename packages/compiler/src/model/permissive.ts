import type { MeshSettings } from './mesh.ts';
import type { Workload } from './workload.ts';

/** Whether a workload takes plain text besides mTLS at one of its own ports. */
export function isPermissive(
  { permissive }: Pick<MeshSettings, 'permissive'>,
  { namespace, labels }: Pick<Workload, 'namespace' | 'labels'>,
  port: number,
): boolean {
  return permissive.some(
    (rule) =>
      rule.namespace === namespace &&
      Object.entries(rule.labels).every(([label, value]) => labels[label] === value) &&
      (rule.port === undefined || rule.port === port),
  );
}
