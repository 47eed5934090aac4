import {
  adminDirectory,
  rootConfigMap,
  rootDirectory,
  tokenAudience,
  tokenDirectory,
  tokenSeconds,
} from '@weft/compiler/pod/names';
import { applicationDirectory } from './application.ts';
import type { Volume } from './pod.ts';

/** Names of volumes. A pod cannot have its own by these. */
export const volumeNames = {
  admin: 'weft-admin',
  noApiToken: 'weft-no-api-token',
  application: 'weft-app',
  root: 'weft-root',
  token: 'weft-token',
} as const;

/** The volumes of an injected pod. The token proves to the control plane alone which pod this is. */
export function volumes(withApplication: boolean): Volume[] {
  return [
    {
      name: volumeNames.token,
      projected: {
        sources: [{ serviceAccountToken: { audience: tokenAudience, expirationSeconds: tokenSeconds, path: 'token' } }],
      },
    },
    { name: volumeNames.root, configMap: { name: rootConfigMap } },
    { name: volumeNames.admin, emptyDir: {} },
    { name: volumeNames.noApiToken, emptyDir: {} },
    ...(withApplication ? [{ name: volumeNames.application, emptyDir: {} }] : []),
  ];
}

/** The directory that an application and its proxy share. */
export const applicationMount = { name: volumeNames.application, mountPath: applicationDirectory };

/**
 * Nothing, where Kubernetes would give a container the token of its service account for the API: the mesh's containers have no
 * business there.
 */
export const noApiTokenMount = {
  name: volumeNames.noApiToken,
  mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
  readOnly: true,
};

/** What the proxy alone mounts. */
export const proxyMounts = [
  { name: volumeNames.token, mountPath: tokenDirectory, readOnly: true },
  { name: volumeNames.root, mountPath: rootDirectory, readOnly: true },
  { name: volumeNames.admin, mountPath: adminDirectory },
  noApiTokenMount,
];
