import { waitFor } from '../wait-for.ts';
import { inParallel, startApiProxy } from './api-proxy.ts';
import { clusterTest, freshNamespace, isReady, podsOf } from './cluster.ts';
import { kubectl } from './command.ts';
import { installed } from './installation.ts';

const services = 200;
const podsEach = 5;

/** The clusters towards services that a sidecar has, with how many endpoints each has, by its metrics. */
async function outboundClusters(podIP: string): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`http://${podIP}:9901/stats/prometheus`);
  const clusters = new Map<string, number>();
  for (const line of (await response.text()).split('\n')) {
    const [, name, value] =
      /^envoy_cluster_membership_total\{envoy_cluster_name="(outbound[^"]*)"\} (\d+)/.exec(line) ?? [];
    if (name) clusters.set(name, Number(value));
  }
  return clusters;
}

clusterTest('200 Services with 1,000 endpoints: the control plane and a sidecar stay small', async (t) => {
  const { shop, system } = await installed(t);
  const namespace = await freshNamespace(t, 'large', { 'weft.dev/inject': 'true' });
  const api = await startApiProxy();
  t.teardown(api.close);
  const [orders] = await podsOf(shop, 'app.kubernetes.io/name=orders');
  const podIP = orders?.status.podIP;
  if (!podIP) return t.fail('no pod of orders');
  const before = [...(await outboundClusters(podIP)).keys()].sort();

  const memory = async () => {
    const controlPlanes = await podsOf(system, 'app.kubernetes.io/component=control-plane');
    const sizes = await Promise.all(
      controlPlanes.filter(isReady).map(async ({ metadata }) => {
        const script = 'console.log(require("node:fs").readFileSync("/proc/1/status", "utf8"))';
        const status = await kubectl('exec', '-n', system, metadata.name, '--', 'node', '-e', script);
        return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
      }),
    );
    return sizes.join(' and ');
  };
  t.log(`the control plane before: ${await memory()} MiB`);

  await inParallel(services, 8, (index) =>
    api.send('POST', `/api/v1/namespaces/${namespace}/services`, {
      metadata: { name: `s${index}` },
      spec: { selector: { app: `s${index}` }, ports: [{ port: 80, targetPort: 8080, appProtocol: 'grpc' }] },
    }),
  );
  await inParallel(services * podsEach, 8, async (index) => {
    const app = `s${index % services}`;
    const name = `fake-${index}`;
    await api.send('POST', `/api/v1/namespaces/${namespace}/pods`, {
      // Never scheduled, so no kubelet has an opinion of it; its status is ours to say. Not for the injector.
      metadata: { name, labels: { app, 'weft.dev/inject': 'false', 'weft.dev/injected': 'redirect' } },
      spec: {
        schedulingGates: [{ name: 'weft.dev/fake' }],
        containers: [{ name: 'app', image: 'none', ports: [{ containerPort: 8080 }] }],
      },
    });
    const podIP = `10.99.${index >> 8}.${index & 255}`;
    await api.send('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}/status`, {
      status: {
        phase: 'Running',
        podIP,
        podIPs: [{ ip: podIP }],
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }],
      },
    });
  });
  t.log(`the control plane with ${services} Services and ${services * podsEach} pods: ${await memory()} MiB`);

  const catalog = (clusters: ReadonlyMap<string, number>) =>
    [...clusters].find(([name]) => name.includes('catalog'))?.[1] ?? 0;
  const known = catalog(await outboundClusters(podIP));
  const replicas = (count: number) => kubectl('scale', '-n', shop, 'deployment/catalog', `--replicas=${count}`);
  try {
    await replicas(2);
    const pod = await waitFor(
      'a second pod',
      async () => (await podsOf(shop, 'app.kubernetes.io/name=catalog')).filter(isReady)[1],
      {
        timeoutMs: 120_000,
        intervalMs: 20,
      },
    );
    const readyMs = Date.now();
    await waitFor('orders to know it', async () => catalog(await outboundClusters(podIP)) > known, { intervalMs: 20 });
    t.log(`${pod.metadata.name} was known to orders ${Date.now() - readyMs} ms after it was seen Ready`);
  } finally {
    await replicas(1);
  }
  t.deepEqual(
    [...(await outboundClusters(podIP)).keys()].sort(),
    before,
    'orders holds the clusters that it calls, and no more',
  );
});
