import type { k8s } from 'cdk8s-plus-33';

/** What a container of the environment may do: nothing beyond Pod Security "restricted", on a root file system that it cannot write. */
export function restricted(user: number): k8s.SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: user,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** Of our own images. */
export const weftUser = 10_001;

/** Of the image postgres. */
export const postgresUser = 999;

/** An empty directory in the place of one that a program writes. */
export function scratch(name: string, mountPath: string): { volume: k8s.Volume; mount: k8s.VolumeMount } {
  return { volume: { name, emptyDir: {} }, mount: { name, mountPath } };
}
