import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { type ApiAccess, ApiError } from './api.ts';

/**
 * The API server of the current context of $KUBECONFIG or ~/.kube/config, with all that a kubeconfig may ask for, from client
 * certificates to exec plugins. The library costs a process some 50 MiB of memory, so nothing imports this file that need not.
 */
export function kubeconfigAccess(): ApiAccess {
  const config = new KubeConfig();
  config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new ApiError(0, 'the kubeconfig has no current cluster');
  return {
    server: cluster.server,
    credentials: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      return options;
    },
  };
}
