import { withPolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet } from '@weft/compiler/testing/mesh-directory';
import { oddContract } from '@weft/compiler/testing/odd-contracts';
import { client, implement, serve } from '@weft/service-kit';
import { CatalogService } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import test, { type ExecutionContext } from 'ava';
import { MeshProcess } from './mesh-process.fixture.ts';

/** Publishes a contract that names orders, and a replica that runs it. */
async function publish(mesh: MeshProcess, name: string, set: Uint8Array): Promise<void> {
  const address = { application: 'unix:/run/nobody', inbound: '127.0.0.1:9', outbound: '127.0.0.1:9' };
  await mesh.publish(name, { name: `${name}-0`, ...address }, set);
}

/** Contracts that cannot be had, each by a service of its own, and what is said of it. */
const bad: readonly (readonly [name: string, set: Uint8Array, words: RegExp])[] = [
  [
    'inventory',
    withPolicy(descriptorSet('bakery.inventory'), 'GetStock', { hedge: { after: { seconds: 1n }, maxTries: 0 } }),
    /hedge.max_tries is 0/,
  ],
  [
    'odd1',
    oddContract({ n: 1, rule: { pattern: { case: 'get', value: '/odd1' }, responseBody: 'part' } }),
    /response_body/,
  ],
  [
    'odd2',
    oddContract({
      n: 2,
      edit: (file) => {
        file.enumType[0].value = [{ name: 'KIND_ONE', number: 1 }];
      },
    }),
    /open enum/,
  ],
];

const said = (t: ExecutionContext, problems: readonly { resource: string; message: string }[]) => {
  for (const [name, , words] of bad) {
    const own = problems.filter(({ resource }) => resource === `contracts/bakery/bakery.${name}.binpb`);
    t.regex(own[0]?.message ?? '', words, name);
  }
};

// orders is named by the contracts that cannot be had, and calls catalog all the same.
test('bad contracts stop nobody, neither when they come nor when a control plane starts with them', async (t) => {
  t.timeout(60_000);
  const mesh = await MeshProcess.open(t);
  const [catalog, orders] = await Promise.all([mesh.addReplica('catalog'), mesh.addReplica('orders')]);
  const service = implement(CatalogService, {
    getProduct: ({ sku }) => ({ product: { sku } }),
    batchGetProducts: () => ({}),
    listProducts: () => ({}),
    searchProducts: () => ({}),
    importProducts: () => ({}),
  });
  const server = await serve({ services: [service], listen: catalog.application, drainMs: 0, finishMs: 0 });
  t.teardown(() => server.close());
  await mesh.untilServing('catalog', 'orders');
  const products = client(CatalogService, { outbound: orders.outbound });
  const getProduct = () => products.getProduct({ sku: 'WFT-0001' }, { deadlineMs: 5000 });

  for (const [name, set] of bad) await publish(mesh, name, set);
  const first = await mesh.until('the problems of all', ({ problems }) =>
    bad.every(([name]) => problems.some(({ resource }) => resource === `contracts/bakery/bakery.${name}.binpb`)),
  );
  said(t, first.problems);
  t.is((await getProduct()).product?.sku, 'WFT-0001');

  // A new version of catalog's contract still arrives.
  const fresh = withPolicy(descriptorSet('bakery.catalog'), 'GetProduct', { deadline: { seconds: 4n } });
  await mesh.publish('catalog', catalog, fresh);
  await mesh.until("catalog's new deadline at orders' Envoy", async () =>
    /"max_stream_duration": "4s"/.test(await mesh.envoy('orders').admin('/config_dump?resource=dynamic_route_configs')),
  );

  await mesh.stop();
  await mesh.start();
  said(t, (await mesh.untilServing('catalog', 'orders')).problems);
  t.is((await getProduct()).product?.sku, 'WFT-0001');
});
