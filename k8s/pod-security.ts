import type { k8s } from 'cdk8s-plus-33';

/** What every container has: nothing beyond Pod Security "restricted", on a root file system that it cannot write. */
export const containerSecurity: k8s.SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/** What every pod has. The images name their users. */
export const podSecurity: k8s.PodSecurityContext = {
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** An empty directory in the place of one that a program writes. */
export function scratch(name: string, mountPath: string): { volume: k8s.Volume; mount: k8s.VolumeMount } {
  return { volume: { name, emptyDir: {} }, mount: { name, mountPath } };
}

/** What every container of an image of ours has. */
export const ourContainer = {
  imagePullPolicy: 'IfNotPresent',
  securityContext: containerSecurity,
  terminationMessagePolicy: 'FallbackToLogsOnError',
} as const;
