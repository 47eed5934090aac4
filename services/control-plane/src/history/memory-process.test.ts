import { create } from '@bufbuild/protobuf';
import { timestampNow } from '@bufbuild/protobuf/wkt';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { withPolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet } from '@weft/compiler/testing/mesh-directory';
import { client, implement, serve } from '@weft/service-kit';
import { CatalogService, ProductSchema } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import test from 'ava';
import { MeshProcess } from '../mesh-process.fixture.ts';

const method = 'bakery.catalog.v1.CatalogService/GetProduct';

test('history, why and revert through a real control plane and Envoys, over kill -9', async (t) => {
  const mesh = await MeshProcess.open(t);
  const [catalog, orders] = await Promise.all([mesh.addReplica('catalog'), mesh.addReplica('orders')]);
  const product = create(ProductSchema, { sku: 'WFT-0001', name: 'A thing', category: 'things', price: { units: 1n } });
  const server = await serve({
    listen: catalog.application,
    drainMs: 0,
    finishMs: 0,
    services: [
      implement(CatalogService, {
        getProduct: () => ({ product }),
        batchGetProducts: () => ({}),
        listProducts: () => ({}),
        searchProducts: () => ({}),
        importProducts: () => ({}),
      }),
    ],
  });
  t.teardown(() => server.close());
  await mesh.untilServing('catalog', 'orders');
  const products = client(CatalogService, { outbound: orders.outbound });
  const call = () =>
    products.getProduct({ sku: 'WFT-0001' }, { deadlineMs: 5000 }).then(
      () => 'ok',
      (error: Error) => error.message,
    );
  t.is(await call(), 'ok');
  const allowed = await mesh.api.why({ caller: 'bakery.orders', method });
  t.true(allowed.allowed, allowed.verdict);

  const good = (await mesh.api.listRevisions({})).revisions[0];
  t.truthy(good);
  const before = timestampNow();

  // A release that forgets orders.
  const release = withPolicy(descriptorSet('bakery.catalog'), 'GetProduct', { callers: { names: [] } });
  await mesh.publish('catalog', catalog, release);
  await mesh.until('the call is refused', async () => (await call()) !== 'ok');
  const { revisions } = await mesh.api.listRevisions({});
  const causes = revisions.filter(({ number }) => number > (good?.number ?? 0n)).flatMap((revision) => revision.causes);
  t.true(causes.includes('contracts/bakery/bakery.catalog.binpb changed'), causes.join('; '));
  t.true(causes.includes(`Workload bakery/catalog-0 runs contract ${contractHash(release)}`), causes.join('; '));

  await mesh.stop('SIGKILL');
  await mesh.start();
  const refused = await mesh.api.why({ caller: 'bakery.orders', method });
  t.false(refused.allowed);
  t.true((await call()).includes(refused.verdict), refused.verdict);
  t.regex(refused.advice, /callers: \{names: \["bakery.orders"\]\}/);
  const then = await mesh.api.why({ caller: 'bakery.orders', method, at: before });
  t.true(then.allowed, then.verdict);

  await mesh.api.revert({ revisionId: good?.id ?? '', why: 'orders must go on', by: 'test' });
  await mesh.until('the call is answered', async () => (await call()) === 'ok');
  await mesh.stop('SIGKILL');
  await mesh.start();
  await mesh.until('the proxies are back', ({ workloads }) => workloads.every(({ proxy }) => proxy !== undefined));
  t.is(await call(), 'ok');
  t.is((await mesh.status()).pin?.revisionId, good?.id);

  await mesh.api.revert({ clear: true, by: 'test' });
  await mesh.until('the call is refused again', async () => (await call()) !== 'ok');
  t.regex(mesh.log, /"audit":"revert".*"why":"orders must go on"/);
  // Each revision was taken by all that were sent something of it, by the word of the process that sent it.
  await mesh.until('all is acknowledged', async () => {
    const { revisions } = await mesh.api.listRevisions({});
    return revisions.every(({ sent, acknowledged }) => sent === acknowledged);
  });
  const firstCauses = (await mesh.api.listRevisions({})).revisions.map((revision) => revision.causes[0]);
  t.deepEqual(firstCauses.slice(0, 2), ['revert ended', `reverted to ${good?.id}: orders must go on`]);
});

test('a history that cannot be read stops nothing, and is a problem', async (t) => {
  const mesh = await MeshProcess.open(t);
  await mesh.stop('SIGTERM');
  await mesh.breakHistory();
  await mesh.start();
  const { problems } = await mesh.status();
  t.deepEqual(
    problems.map(({ resource, field }) => [resource, field]),
    [
      ['the state directory', 'history'],
      ['the state directory', 'history/pin.json'],
    ],
  );
  t.regex(problems[0]?.message ?? '', /^history cannot be kept \((EEXIST|ENOTDIR)\); the mesh is served without it$/);
  t.is(await mesh.stop('SIGTERM'), 0);
});
