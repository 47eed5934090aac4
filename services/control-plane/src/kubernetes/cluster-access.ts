import type { ApiAccess } from './api.ts';

/** The API server of $KUBECONFIG or, in a pod, the one that the pod's own account (a directory) is for. */
export async function clusterAccess(accountDirectory?: string): Promise<ApiAccess> {
  const { KUBECONFIG, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (KUBECONFIG === undefined && host !== undefined) {
    const { podAccount } = await import('./pod-account.ts');
    return podAccount({ host, port, directory: accountDirectory });
  }
  const { kubeconfigAccess } = await import('./kubeconfig.ts');
  return kubeconfigAccess();
}
