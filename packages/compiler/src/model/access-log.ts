import type { MeshSettings } from './mesh.ts';

/** Which calls get a line in the access log, from the most to the least; docs/policy.md says what each means. */
export const accessLogLevels = ['all', 'sampled', 'errors', 'off'] as const;

/** One of `accessLogLevels`. */
export type AccessLogLevel = (typeof accessLogLevels)[number];

/** The level of a workload: that of its Service, else of its namespace, else of the mesh. */
export function accessLogLevel(
  { accessLog, accessLogs }: Pick<MeshSettings, 'accessLog' | 'accessLogs'>,
  namespace: string,
  ofService?: AccessLogLevel,
): AccessLogLevel {
  return ofService ?? accessLogs.find((row) => row.namespace === namespace)?.level ?? accessLog;
}
