import { clusterTest } from './cluster.ts';
import { installed } from './installation.ts';
import { startLoad } from './load.ts';
import { restart, underLoad } from './under-load.ts';

/** Calls at least, in a test of a whole rollout. */
const enough = 20_000;

clusterTest('a rolling update of every service fails no call out of 20,000', async (t) => {
  const { edge, shop } = await installed(t);
  const services = ['catalog', 'inventory', 'payments', 'orders'];
  await underLoad(t, startLoad(edge), () => restart(shop, ...services), enough);
});
