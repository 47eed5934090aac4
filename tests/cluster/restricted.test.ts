import { goodOrder, shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';
import { clusterTest, podsOf, rolledOut } from './cluster.ts';
import { kubectl } from './command.ts';
import { installed } from './installation.ts';

const services = ['catalog', 'inventory', 'payments', 'orders'];

async function restartAll(namespace: string): Promise<void> {
  const names = services.map((name) => `deployment/${name}`);
  await kubectl('rollout', 'restart', '-n', namespace, ...names);
  for (const name of names) await rolledOut(namespace, name);
}

clusterTest('a namespace under Pod Security "restricted" runs the shop without interception', async (t) => {
  const { shop, edge } = await installed(t);
  try {
    await kubectl('label', 'namespace', shop, 'pod-security.kubernetes.io/enforce=restricted', '--overwrite');
    await restartAll(shop);
    for (const name of services) {
      const [pod] = await podsOf(shop, `app.kubernetes.io/name=${name}`);
      t.is(pod?.metadata.labels?.['weft.dev/injected'], 'none', name);
      const init = pod?.spec.initContainers?.map((container) => container.name) ?? [];
      t.true(init.includes('weft-proxy'), name);
      t.false(init.includes('weft-interception'), name);
    }
    const { order } = await waitFor('an order', () => shopAt(edge).orders.placeOrder(goodOrder()));
    t.truthy(order?.orderId);
  } finally {
    await kubectl('label', 'namespace', shop, 'pod-security.kubernetes.io/enforce-');
    await restartAll(shop);
  }
});
