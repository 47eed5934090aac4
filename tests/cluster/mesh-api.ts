import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Client, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { MeshService } from '@weft/contracts/weft/api/v1/mesh';

/** weft.api.v1 of a control plane in the cluster. */
export interface MeshApi {
  readonly mesh: Client<typeof MeshService>;
  close(): void;
}

/** Opens it by `kubectl port-forward`, to a pod or a deployment. */
export async function openMeshApi(namespace: string, target = 'deployment/weft-control-plane'): Promise<MeshApi> {
  const child = spawn('kubectl', ['port-forward', '-n', namespace, target, ':15010'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<string>((resolve, reject) => {
    child.on('error', reject).on('close', () => reject(new Error('kubectl port-forward has ended')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (found) resolve(found);
    });
  });
  return {
    mesh: createClient(MeshService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` })),
    close: () => void child.kill(),
  };
}
