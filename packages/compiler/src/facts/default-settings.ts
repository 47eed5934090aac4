import type { MeshSettings } from '../model/mesh.ts';
import { defaultQuotas } from '../model/quotas.ts';

/** The settings of a mesh without a MeshConfig. */
export const defaultSettings: MeshSettings = {
  trustDomain: 'weft.local',
  packages: [],
  exposure: [],
  certificateLifetimeMs: 24 * 3_600_000,
  outbound: 'allow',
  accessLog: 'sampled',
  accessLogs: [],
  permissive: [],
  zoneAware: false,
  quotas: defaultQuotas,
};
