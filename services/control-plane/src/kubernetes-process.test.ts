import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootstrap } from '@weft/compiler/envoy/bootstrap';
import { findEnvoy, startEnvoy } from '@weft/dev-envoy';
import test from 'ava';
import { FakeApiServer } from './kubernetes/fake-api-server.fixture.ts';
import { freePorts } from './on-envoy/testing/free-ports.ts';
import { Replica, until } from './replica-process.fixture.ts';
import { fill, objects, paths } from './sources/kubernetes/cluster.fixture.ts';

const audience = 'weft';
const id = 'bakery/edge-0';

function token(): string {
  const claims = { aud: [audience], exp: Date.now() / 1000 + 3600 };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;
}

test('a proxy proves its pod, and finds at another replica just what it has', async (t) => {
  t.timeout(120_000);
  const fake = await FakeApiServer.start(t);
  fill(fake);
  const [xdsPort = 0, edgePort = 0] = await freePorts(2);
  const edge = objects.pod('edge-0', {
    ip: '127.0.0.1',
    metadata: { labels: { 'weft.dev/gateway': 'edge' }, annotations: { 'weft.dev/gateway-port': String(edgePort) } },
    spec: { serviceAccountName: 'edge', initContainers: [] },
  });
  const { metadata } = fake.put(paths.pods, edge);
  const { metadata: other } = fake.put(paths.pods, objects.pod('orders-1', { ip: '10.1.0.2' }));
  let uid = metadata.uid;
  let name = 'edge-0';
  fake.onPost('/apis/authentication.k8s.io/v1/tokenreviews', () => {
    const extra = { 'authentication.kubernetes.io/pod-name': [name], 'authentication.kubernetes.io/pod-uid': [uid] };
    const user = { username: 'system:serviceaccount:bakery:edge', extra };
    return { status: 201, body: { status: { authenticated: true, audiences: [audience], user } } };
  });
  fake.put('/apis/weft.dev/v1/gateways', { metadata: { name: 'edge' }, spec: {} });

  const one = await Replica.start(t, fake, 'one', xdsPort);
  const dir = await mkdtemp(join(tmpdir(), 'weft-edge-'));
  const rootMap = () => Object(fake.get('/api/v1/configmaps', 'bakery', 'weft-root')?.data);
  await until(
    () => typeof rootMap()['ca-sds.yaml'] === 'string',
    () => 'the roots are published',
  );
  await writeFile(join(dir, 'ca-sds.yaml'), rootMap()['ca-sds.yaml']);
  await writeFile(join(dir, 'token'), token());
  const config = bootstrap({
    workload: id,
    controlPlane: { host: '127.0.0.1', port: xdsPort },
    rootSdsPath: join(dir, 'ca-sds.yaml'),
    tokenPath: join(dir, 'token'),
    adminSocket: join(dir, 'admin'),
  });
  const { path } = await findEnvoy();
  const envoy = await startEnvoy({ envoy: path, bootstrap: Object(config), dir: join(dir, 'envoy'), log: () => {} });
  t.teardown(async () => {
    await envoy.kill();
    await rm(dir, { recursive: true, force: true });
  });
  const stats = (filter: string) => envoy.admin(`/stats?filter=${filter}`);
  const live = async () => (await envoy.admin('/ready').catch(() => '')).startsWith('LIVE');
  await until(
    async () => (await live()) && /gateway.*update_success: [1-9]/.test(await stats('rds.*update_success')),
    () => one.lines.join('\n'),
  );

  // Of clusters, endpoints, secrets, listeners and routes: whatever an Envoy takes, it counts.
  const taken = async () =>
    (await stats('update_success')).split('\n').filter((line) => !line.startsWith('cluster.xds.'));
  const before = await taken();
  t.is(await one.stop(), 0);
  const two = await Replica.start(t, fake, 'two', xdsPort);
  const connected = async () => /connected_state: 1/.test(await stats('control_plane.connected_state'));
  await until(connected, () => two.lines.join('\n'));
  fake.put(paths.pods, objects.pod('orders-2', { ip: '10.1.0.3' }));
  await sleep(500);
  const names = (lines: readonly string[]) =>
    lines.filter((line) => !/\b(eds|cds|cluster_manager|outbound)/.test(line));
  t.deepEqual(names(await taken()), names(before), 'certificates and routes are the same ones');

  // Its pod is replaced by another of its name: the stream ends, and the token is that of a pod that is gone.
  fake.delete(paths.pods, 'bakery', 'edge-0');
  fake.put(paths.pods, { ...edge, metadata: { ...edge.metadata, uid: 'its successor' } });
  await until(
    () => two.lines.some((line) => line.includes('the token is that of a pod bakery/edge-0 that is gone')),
    () => two.lines.join('\n'),
  );
  // With the token of another pod, whatever node id it claims.
  name = 'orders-1';
  uid = other.uid;
  await writeFile(join(dir, 'token'), `${token()}2`);
  await until(
    () => two.lines.some((line) => line.includes(`node ${id} is not bakery/orders-1`)),
    () => two.lines.join('\n'),
  );
});

test('what one replica is told to go back to, all hold: those that run, and one that starts later', async (t) => {
  t.timeout(120_000);
  const fake = await FakeApiServer.start(t);
  fill(fake);
  const ports = await freePorts(3);
  const start = (name: string, index: number) => Replica.start(t, fake, name, ports[index] ?? 0);
  const [one, two] = await Promise.all([start('one', 0), start('two', 1)]);
  const latest = async (replica: Replica) => (await replica.api.listRevisions({ limit: 1 })).revisions[0];
  const pin = async (replica: Replica) => (await replica.api.getStatus({})).pin?.revisionId;
  const first = await latest(one);
  t.is((await latest(two))?.id, first?.id, 'the same content has the same name everywhere');
  const spec = { service: 'orders', methods: [{ path: '/bakery.orders.v1.OrderService/GetOrder', deadline: '77ms' }] };
  fake.put(paths.meshPolicies, { metadata: { namespace: 'bakery', name: 'slow' }, spec });
  for (const replica of [one, two]) {
    await until(
      async () => (await latest(replica))?.id !== first?.id,
      () => 'the policy is taken',
    );
  }
  await two.api.revert({ revisionId: first?.id ?? '', why: 'too slow', by: 'ann' });
  await until(
    async () => (await pin(one)) === first?.id,
    () => one.lines.join('\n'),
  );
  t.is(await two.stop(), 0);
  const three = await start('three', 2);
  t.is(await pin(three), first?.id);
  await three.api.revert({ clear: true });
  await until(
    async () => (await pin(one)) === undefined,
    () => one.lines.join('\n'),
  );
});
