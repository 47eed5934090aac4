import { create } from '@bufbuild/protobuf';
import type { GetStatusResponse } from '@weft/api/weft/api/v1/mesh';
import { client, implement, serve } from '@weft/service-kit';
import { CatalogService, ProductSchema } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { PaymentService } from '@weft/test-contracts/bakery/payments/v1/payments';
import test, { type ExecutionContext } from 'ava';
import { MeshProcess, type Replica } from './mesh-process.fixture.ts';

test.serial.before(() => {
  process.env.LOG_LEVEL ??= 'warn';
});

/** catalog and orders, each behind its Envoy; catalog's application answers. */
async function bakery(t: ExecutionContext, spec: object = {}) {
  const mesh = await MeshProcess.open(t, spec);
  const [catalog, orders] = await Promise.all([mesh.addReplica('catalog'), mesh.addReplica('orders')]);
  await serveCatalog(t, catalog);
  await mesh.untilServing('catalog', 'orders');
  const products = client(CatalogService, { outbound: orders.outbound });
  const getProduct = () => products.getProduct({ sku: 'WFT-0001' }, { deadlineMs: 5000 });
  return { mesh, catalog, orders, getProduct };
}

async function serveCatalog(t: ExecutionContext, { application }: Replica): Promise<void> {
  const product = create(ProductSchema, {
    sku: 'WFT-0001',
    name: 'A thing',
    category: 'things',
    price: { currencyCode: 'EUR', units: 1n },
  });
  const service = implement(CatalogService, {
    getProduct: ({ sku }) => ({ product: { ...product, sku } }),
    batchGetProducts: () => ({}),
    listProducts: () => ({}),
    searchProducts: () => ({}),
    importProducts: () => ({}),
  });
  const server = await serve({ services: [service], listen: application, drainMs: 0, finishMs: 0 });
  t.teardown(() => server.close());
}

test.serial(
  'a call goes through two sidecars; one that is not permitted gets the sentence; status knows',
  async (t) => {
    const { mesh, catalog, getProduct } = await bakery(t);
    t.is((await getProduct()).product?.sku, 'WFT-0001');
    t.true((await mesh.stat('catalog', `listener.${catalog.inbound.replace(':', '_')}.ssl.handshake`)) > 0);

    await mesh.addReplica('payments');
    await mesh.untilServing('payments');
    const payments = client(PaymentService, { outbound: catalog.outbound });
    const sentence =
      'weft: bakery.catalog may not call bakery.payments.v1.PaymentService/Authorize; its contract names bakery.orders';
    const refused = await t.throwsAsync(payments.authorize({}, { deadlineMs: 5000 }));
    t.is(refused?.message, `[permission_denied] ${sentence}`);

    const status = await mesh.status();
    t.like(status.denials[0], { caller: 'bakery.catalog', message: sentence, count: 1n });
    t.deepEqual(status.problems, []);
    t.is(status.services.find(({ name }) => name === 'catalog')?.logicalName, 'bakery.catalog');
    for (const { name, proxy } of status.workloads) {
      t.is(proxy?.envoyVersion, '1.40.0', name);
      for (const type of proxy?.acknowledgements ?? []) {
        t.is(type.nack, '', `${name} ${type.typeUrl}`);
        t.is(type.ackedVersion, type.sentVersion, `${name} ${type.typeUrl}`);
      }
    }
    const { configJson } = await mesh.config('orders-0');
    t.regex(configJson, /outbound\|bakery\/catalog/);
    t.notRegex(configJson, /PRIVATE KEY/);

    t.is(await mesh.stop('SIGTERM'), 0);
    t.is(await mesh.stat('orders', 'cluster.xds.upstream_cx_destroy_with_active_rq'), 0);
    t.is(await mesh.stat('orders', 'cluster.xds.upstream_rq_rx_reset'), 0);
  },
);

test.serial('a control plane that comes back sends nothing again, and no Envoy loses a connection', async (t) => {
  const { mesh, getProduct } = await bakery(t);
  const names = ['catalog', 'orders'];
  // Of clusters, endpoints, secrets, listeners and routes: whatever an Envoy takes, it counts. (cluster.xds counts DNS.)
  const read = () =>
    Promise.all(
      names.map(async (name) => {
        const stats = await mesh.envoy(name).admin('/stats?filter=update_success');
        return stats.split('\n').filter((line) => !line.startsWith('cluster.xds.'));
      }),
    );
  const destroyed = () => mesh.stat('orders', 'cluster.outbound|bakery/catalog.upstream_cx_destroy');
  await getProduct();
  const before = await read();
  t.regex(before.join(), /\.(rds|sds)\..*update_success: [1-9]/);
  const certificates = (await mesh.status()).workloads.map(({ proxy }) => proxy?.certificateNotAfter);
  await mesh.stop();
  t.true((await mesh.stat('orders', 'cluster.xds.upstream_cx_destroy_with_active_rq')) > 0, 'it was killed');
  await getProduct();
  const log = mesh.log.length;
  await mesh.start();
  const status = await mesh.untilServing(...names);
  await getProduct();
  t.deepEqual(
    status.workloads.map(({ proxy }) => proxy?.certificateNotAfter),
    certificates,
  );
  t.deepEqual(await read(), before);
  t.is(await destroyed(), 0);
  // Envoy's own words of its tries to connect, while nothing listens, are in the log, too.
  t.notRegex(mesh.log.slice(log), /(?<!Connection[_ ])refused/);
});

test.serial('a broken manifest is named and harms nobody; a mended one counts', async (t) => {
  const { mesh, getProduct } = await bakery(t);
  await mesh.putText('orders.yaml', 'kind: [');
  const { problems, services } = await mesh.until('the problem is named', (status) => status.problems.length > 0);
  t.is(problems[0]?.resource, 'orders.yaml');
  t.truthy(problems[0]?.since);
  t.is(services.length, 2);
  await getProduct();
});

test.serial('a broken contract is named, and the last good one serves, over a restart too', async (t) => {
  const { mesh, catalog, getProduct } = await bakery(t);
  await mesh.breakContract(catalog);
  const named = (status: GetStatusResponse) =>
    status.problems.some(({ resource }) => resource === 'contracts/bakery/bakery.catalog.binpb');
  await mesh.until('the problem is named', named);
  t.is((await getProduct()).product?.sku, 'WFT-0001');
  await mesh.stop();
  await mesh.start();
  const status = await mesh.untilServing('catalog', 'orders');
  t.true(named(status));
  t.is(status.services.find(({ name }) => name === 'catalog')?.logicalName, 'bakery.catalog');
  t.is((await getProduct()).product?.sku, 'WFT-0001');
  t.notRegex(mesh.log, /a proxy refused its configuration/);
});

test.serial('it ends on SIGTERM with 0, and says why it cannot start', async (t) => {
  const mesh = await MeshProcess.open(t);
  const taken = await t.throwsAsync(mesh.start());
  t.is(taken?.message, 'the control plane ended with 1');
  t.regex(mesh.log, /^weft-control-plane: 127\.0\.0\.1:\d+ is taken by another process: /m);
  t.is(await mesh.stop('SIGTERM'), 0);
});
