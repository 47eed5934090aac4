import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { apply, get, kubectl, run } from './command.ts';

/** Why there is no cluster to test in; undefined where there is one. Found by the current context of KUBECONFIG. */
export const noCluster: string | undefined = await lookForCluster();

async function lookForCluster(): Promise<string | undefined> {
  for (const tool of ['kubectl', 'helm']) {
    try {
      await run(tool, tool === 'helm' ? ['version'] : ['version', '--client'], { timeoutMs: 10_000 });
    } catch {
      return `there is no ${tool} on PATH`;
    }
  }
  try {
    await run('kubectl', ['get', '--raw', '/readyz', '--request-timeout', '5s'], { timeoutMs: 15_000 });
    return undefined;
  } catch {
    return 'no Kubernetes cluster answers at the current context';
  }
}

/** A test in a cluster; skipped, with the reason in its title, where there is none. Tests of a file run one after the other. */
export function clusterTest(title: string, implementation: (t: ExecutionContext) => Promise<void>): void {
  if (noCluster) test.skip(`${title} (${noCluster})`, implementation);
  else test.serial(title, implementation);
}

/** A namespace for one test, with a name of its own; it goes with the test. */
export async function freshNamespace(
  t: ExecutionContext,
  prefix: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<string> {
  const name = `${prefix}-${randomBytes(3).toString('hex')}`;
  await apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'weft.dev/test': 'true', ...labels } } },
  ]);
  t.teardown(async () => {
    await kubectl('delete', 'namespace', name, '--wait=false', '--ignore-not-found');
  });
  return name;
}

/** As much of a Pod as the tests read. */
export interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly serviceAccountName?: string;
    readonly containers: readonly PodContainer[];
    readonly initContainers?: readonly PodContainer[];
  };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastTransitionTime: string;
    }[];
  };
}

interface PodContainer {
  readonly name: string;
  readonly image: string;
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
}

/** The pods that carry a label, those that are going away left out. */
export async function podsOf(namespace: string, selector: string): Promise<readonly PodObject[]> {
  const { items } = await get<{ items: PodObject[] }>('pods', '-n', namespace, '-l', selector);
  return items.filter((pod) => !pod.metadata.deletionTimestamp);
}

/** Whether a pod is Ready. */
export function isReady(pod: PodObject): boolean {
  return pod.status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
}

/** An address of this cluster's nodes that this machine reaches. */
export async function nodeAddress(): Promise<string> {
  const { items } = await get<{ items: { status: { addresses: { type: string; address: string }[] } }[] }>('nodes');
  const address = items[0]?.status.addresses.find((one) => one.type === 'InternalIP')?.address;
  if (!address) throw new Error('the first node has no InternalIP');
  return address;
}

/** Waits for a rollout to be complete. */
export async function rolledOut(namespace: string, workload: string, timeoutSeconds = 240): Promise<void> {
  await run('kubectl', ['rollout', 'status', '-n', namespace, workload, `--timeout=${timeoutSeconds}s`], {
    timeoutMs: (timeoutSeconds + 10) * 1000,
  });
}
