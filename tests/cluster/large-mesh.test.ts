import { timestampMs } from '@bufbuild/protobuf/wkt';
import { openClusterMesh } from '@weft/cli';
import { waitFor } from '../wait-for.ts';
import { startApiProxy } from './api-proxy.ts';
import { clusterTest, freshNamespace, podsOf } from './cluster.ts';
import { apply, kubectl } from './command.ts';
import { makeFakePods, setReady } from './fake-pods.ts';
import { installed } from './installation.ts';
import { outboundClusters } from './sidecar-metrics.ts';

const services = 200;
const podsEach = 5;
/** The Services of the many that one sidecar may call. */
const called = ['s0', 's1', 's2'];
const turns = 10;
const endpointsType = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

/** What each replica of the control plane takes, in MiB. */
async function memoryOf(namespace: string): Promise<string> {
  const script = 'console.log(require("node:fs").readFileSync("/proc/1/status", "utf8"))';
  const pods = await podsOf(namespace, 'app.kubernetes.io/component=control-plane');
  const sizes = await Promise.all(
    pods.map(async ({ metadata }) => {
      const status = await kubectl('exec', '-n', namespace, metadata.name, '--', 'node', '-e', script);
      return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
    }),
  );
  return `${sizes.join(' and ')} MiB`;
}

const middleOf = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

clusterTest('200 Services with 1,000 endpoints: a sidecar that calls three holds the clusters of those', async (t) => {
  const { shop, system } = await installed(t);
  const api = await startApiProxy();
  const mesh = await openClusterMesh({ namespace: system });
  const namespace = await freshNamespace(t, 'large', { 'weft.dev/inject': 'true' });
  t.teardown(async () => {
    mesh.close();
    // All of it, before others measure anything.
    await kubectl('delete', 'meshpolicy', namespace, '-n', shop, '--ignore-not-found');
    await kubectl('delete', 'namespace', namespace, '--wait=true', '--timeout=150s');
    await api.send('DELETE', `/api/v1/nodes/${namespace}`);
    api.close();
  });
  // It calls nobody by its contract.
  const [payments] = await podsOf(shop, 'app.kubernetes.io/name=payments');
  const podIP = payments?.status.podIP ?? '';
  t.deepEqual([...(await outboundClusters(podIP)).keys()], []);
  t.log(`the control plane before: ${await memoryOf(system)}`);

  const beganMs = Date.now();
  await makeFakePods(api, { namespace, services, podsEach });
  const policy = (at: { namespace: string; name: string }, spec: object) => ({
    apiVersion: 'weft.dev/v1',
    kind: 'MeshPolicy',
    metadata: at,
    spec,
  });
  await apply([
    ...called.map((service) =>
      policy({ namespace, name: service }, { service, methods: [{ path: '/*', callers: ['shop.payments'] }] }),
    ),
    // What others say of it gives its sidecar nothing.
    policy(
      { namespace: shop, name: namespace },
      { service: 'payments', calls: called.map((service) => `${namespace}/${service}`) },
    ),
  ]);
  t.log(`${services} Services and ${services * podsEach} pods made in ${Math.round((Date.now() - beganMs) / 1000)} s`);
  const madeMs = Date.now();
  await waitFor(
    'the control plane to know all of them',
    async () => {
      const { services: known } = await mesh.status();
      const whole = known.filter((one) => one.namespace === namespace && one.readyReplicas === podsEach);
      if (whole.length === services) return true;
      throw new Error(`${whole.length} Services have all of their replicas`);
    },
    { timeoutMs: 120_000, intervalMs: 500 },
  );
  t.log(`known to the control plane after ${Date.now() - madeMs} ms more; it takes ${await memoryOf(system)}`);

  const held = await waitFor('the clusters of three Services', async () => {
    const clusters = await outboundClusters(podIP);
    const endpoints = [...clusters.values()];
    return clusters.size >= called.length && endpoints.every((count) => count === podsEach) && clusters;
  });
  t.deepEqual(
    [...held.keys()].map((name) => name.split('|')[1]),
    called.map((service) => `${namespace}/${service}`),
    'what it calls, and no more',
  );

  let sliceMs = 0;
  await api.watch(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, () => {
    sliceMs = Date.now();
  });
  const acknowledgedMs = async () => {
    const { workloads } = await mesh.status();
    const proxy = workloads.find(({ name }) => name === payments?.metadata.name)?.proxy;
    const { ackedAt } = proxy?.acknowledgements.find(({ typeUrl }) => typeUrl === endpointsType) ?? {};
    return ackedAt ? timestampMs(ackedAt) : 0;
  };
  const fromPodMs: number[] = [];
  const fromSliceMs: number[] = [];
  for (let turn = 0; turn <= turns; turn++) {
    const sentMs = Date.now();
    await setReady(api, namespace, 0, turn % 2 === 1);
    const ackedMs = await waitFor('the ACK', async () => {
      const ms = await acknowledgedMs();
      return ms >= sentMs && ms;
    });
    await waitFor('the EndpointSlice', () => sliceMs >= sentMs);
    // The first shows that all are listening.
    if (turn === 0) continue;
    fromPodMs.push(ackedMs - sentMs);
    fromSliceMs.push(ackedMs - sliceMs);
  }
  const shown = (numbers: readonly number[]) =>
    `${middleOf(numbers)} ms (${Math.min(...numbers)} to ${Math.max(...numbers)})`;
  t.log(`the ACK of an endpoint that changed came ${shown(fromPodMs)} after its pod's change was sent, and`);
  t.log(`${shown(fromSliceMs)} after its EndpointSlice changed: below 0 where the pod itself told it sooner`);
});
