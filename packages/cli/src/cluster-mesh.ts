import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { type GetStatusResponse, MeshService, type RotateRootResponse } from '@weft/api/weft/api/v1/mesh';
import { systemNamespace } from '@weft/compiler/pod/names';
import { controlPlanePorts } from '@weft/compiler/pod/ports';
import { CommandError } from './command-error.ts';
import { kubectl } from './kubectl.ts';
import { mergeStatus } from './mesh/merge-status.ts';

const selector = 'app.kubernetes.io/component=control-plane';

/** How to find the control plane of a cluster. */
export interface ClusterOptions {
  /** A context of the kubeconfig. Default: the current one. */
  readonly context?: string;
  /** The control plane's namespace. Default: "weft-system". */
  readonly namespace?: string;
}

/** The control plane of a cluster, all of its replicas. */
export interface ClusterMesh {
  status(): Promise<GetStatusResponse>;
  /** A client of the leader. */
  rotateRoot(request: { readonly why: string; readonly by: string }): Promise<RotateRootResponse>;
  /** All replicas, because each knows only its own proxies. At least one. */
  readonly clients: readonly Client<typeof MeshService>[];
  close(): void;
}

/**
 * Connects to the control plane of a cluster through `kubectl port-forward` to each of its pods. Its API listens only on their loopback
 * interface, so only users who may forward ports in its namespace can use it. Throws CommandError.
 */
export async function openClusterMesh(options: ClusterOptions = {}): Promise<ClusterMesh> {
  const { context, namespace = systemNamespace } = options;
  const common = [...(context === undefined ? [] : ['--context', context]), '-n', namespace];
  const pods = await replicas(common, namespace);
  const forwards: ChildProcess[] = [];
  const close = () => {
    for (const child of forwards) child.kill();
  };
  try {
    const clients = await Promise.all(pods.map((pod) => forward(common, pod, forwards)));
    return {
      clients,
      async status() {
        const answers = await Promise.allSettled(clients.map((client) => client.getStatus({})));
        const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
        if (given.length > 0) return mergeStatus(given);
        throw answers[0]?.status === 'rejected'
          ? answers[0].reason
          : new CommandError('No replica of the control plane answers; check its pods.');
      },
      async rotateRoot(request) {
        let refusal: unknown;
        for (const client of clients) {
          try {
            return await client.rotateRoot(request);
          } catch (error) {
            if (refusal === undefined || ConnectError.from(error).code !== Code.FailedPrecondition) refusal = error;
          }
        }
        throw refusal;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

async function replicas(common: readonly string[], namespace: string): Promise<string[]> {
  const query = ['get', 'pods', '-l', selector, '--field-selector=status.phase=Running', '-o', 'name'];
  const stdout = await kubectl([...common, ...query], "kubectl cannot list the control plane's pods");
  const pods = stdout.split('\n').filter((line) => line !== '');
  if (pods.length > 0) return pods;
  throw new CommandError(`No control plane runs in namespace ${namespace}; name another with --namespace.`);
}

async function forward(
  common: readonly string[],
  pod: string,
  forwards: ChildProcess[],
): Promise<Client<typeof MeshService>> {
  const child = spawn('kubectl', [...common, 'port-forward', pod, `:${controlPlanePorts.api}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  forwards.push(child);
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new CommandError(`kubectl port-forward exited: ${errors.join(' ')}`)));
    child.once('error', reject);
  });
  const baseUrl = `http://127.0.0.1:${port}`;
  return createClient(
    MeshService,
    createGrpcTransport({ baseUrl, defaultTimeoutMs: 10_000, idleConnectionTimeoutMs: 100 }),
  );
}
