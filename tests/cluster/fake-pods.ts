import { waitFor } from '../wait-for.ts';
import { type ApiProxy, inParallel } from './api-proxy.ts';

/** Pods of a node that there is none behind: no kubelet has an opinion of them, so their status is ours to say. */
export interface FakePods {
  /** The namespace, and the name of the node. */
  readonly namespace: string;
  /** Services `s0`, `s1`, ... in it. */
  readonly services: number;
  readonly podsEach: number;
  /** Further pods that are not ready, with the next indexes. Default: 0. */
  readonly spares?: number;
}

/** The address of the pod with that index. */
export function fakePodAddress(index: number): string {
  return `10.99.${index >> 8}.${index & 255}`;
}

/** As if it were ready, or not. */
export function setReady(api: ApiProxy, namespace: string, index: number, ready: boolean): Promise<unknown> {
  const podIP = fakePodAddress(index);
  const lastTransitionTime = new Date().toISOString();
  return api.send('PATCH', `/api/v1/namespaces/${namespace}/pods/${fakePodName(index)}/status`, {
    status: {
      phase: 'Running',
      podIP,
      podIPs: [{ ip: podIP }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }],
    },
  });
}

/** The pod with that index is one of the Service `s<index % services>`. */
export function fakePodName(index: number): string {
  return `fake-${index}`;
}

/** Makes a node, Services and their pods, all of them ready apart from the spares. */
export async function makeFakePods(api: ApiProxy, plan: FakePods): Promise<void> {
  const { namespace, services, podsEach, spares = 0 } = plan;
  const ready = services * podsEach;
  await api.send('POST', '/api/v1/nodes', {
    metadata: { name: namespace, labels: { 'weft.dev/test': 'true' } },
    spec: { unschedulable: true, taints: [{ key: 'weft.dev/test', effect: 'NoSchedule' }] },
  });
  await waitFor('the account of new pods', async () => {
    await api.send('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/default`);
    return true;
  });
  await inParallel(services, 8, (index) =>
    api.send('POST', `/api/v1/namespaces/${namespace}/services`, {
      metadata: { name: `s${index}` },
      spec: { selector: { app: `s${index}` }, ports: [{ port: 80, targetPort: 8080, appProtocol: 'grpc' }] },
    }),
  );
  await inParallel(ready + spares, 8, async (index) => {
    await api.send('POST', `/api/v1/namespaces/${namespace}/pods`, {
      // As the injector would have made it.
      metadata: {
        name: fakePodName(index),
        labels: { app: `s${index % services}`, 'weft.dev/inject': 'false', 'weft.dev/injected': 'redirect' },
      },
      spec: {
        nodeName: namespace,
        tolerations: [{ operator: 'Exists' }],
        // Nobody is there to wait for.
        terminationGracePeriodSeconds: 0,
        automountServiceAccountToken: false,
        initContainers: [{ name: 'weft-proxy', image: 'none', restartPolicy: 'Always' }],
        containers: [{ name: 'app', image: 'none', ports: [{ containerPort: 8080 }] }],
      },
    });
    await setReady(api, namespace, index, index < ready);
  });
}
