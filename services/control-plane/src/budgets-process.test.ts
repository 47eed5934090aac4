import { Client, credentials, status } from '@grpc/grpc-js';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { controlPlaneName } from '@weft/compiler/pod/names';
import test from 'ava';
import { MeshProcess } from './mesh-process.fixture.ts';
import { AdsClient } from './xds/testing/ads-client.ts';

test('a workload that asks for a million invented names is told so once, and others go on', async (t) => {
  const mesh = await MeshProcess.open(t);
  const [orders, catalog] = await Promise.all([mesh.addReplica('orders'), mesh.addReplica('catalog')]);
  await mesh.untilServing('orders', 'catalog');
  // Its own Envoy would take each of these streams' place.
  await mesh.envoy('orders').kill();
  const before = await mesh.residentBytes();
  const { address, root, token } = await mesh.proxyIdentity(orders);
  const client = new Client(address, credentials.createSsl(root), {
    'grpc.ssl_target_name_override': controlPlaneName,
  });
  t.teardown(() => client.close());
  for (let stream = 0; stream < 10; stream++) {
    const greedy = new AdsClient(client, 'delta', token, 'bakery/orders-0');
    for (let from = 0; from < 100_000; from += 20_000) {
      const subscribe = Array.from({ length: 20_000 }, (_, index) => `invented-${stream}-${from + index}`);
      greedy.ask({ typeUrl: typeUrls.endpoints, subscribe });
    }
    t.is(await greedy.ended, status.RESOURCE_EXHAUSTED);
  }
  const { problems } = await mesh.status();
  t.deepEqual(
    problems.map(({ resource }) => resource),
    ['workload bakery/orders-0'],
  );
  t.regex(problems[0]?.message ?? '', /that are not in the configuration of this proxy must be at most 10000/);
  t.is(mesh.log.match(/a budget was exceeded/g)?.length, 1);
  const grown = (await mesh.residentBytes()) - before;
  t.true(grown < 150 << 20, `${Math.round(grown / (1 << 20))} MiB more`);
  await mesh.breakContract(catalog);
  await mesh.until('another change is known', ({ problems: found }) => found.length > 1);
  await mesh.untilServing('catalog');
});
