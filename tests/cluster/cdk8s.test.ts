import { join } from 'node:path';
import { clusterTest } from './cluster.ts';
import { run } from './command.ts';
import { uninstall } from './installation.ts';

const root = join(import.meta.dirname, '../..');

clusterTest('the app of cdk8s on an empty cluster gives the same as the charts: an order goes through', async (t) => {
  t.timeout(14 * 60_000);
  await uninstall();
  const cluster = (command: string) =>
    run(process.execPath, [join(root, 'k8s/cluster.ts'), command], { timeoutMs: 600_000 });
  try {
    t.regex(await cluster('up'), /An order went through/);
  } finally {
    await cluster('down');
  }
});
