import { waitFor } from '../wait-for.ts';
import { clusterTest, freshNamespace } from './cluster.ts';
import { helm, kubectl } from './command.ts';
import { install, shopNamespace, systemNamespace, uninstall } from './installation.ts';
import { runPod } from './scratch-pod.ts';

/** Names of a kind that have to do with Weft. */
async function ours(kind: string, ...args: readonly string[]): Promise<string[]> {
  const names = await kubectl('get', kind, '-o', 'name', ...args);
  return names
    .split('\n')
    .filter((name) => name.includes('weft'))
    .sort();
}

clusterTest('helm uninstall leaves nothing that works, and pods start without sidecars', async (t) => {
  t.timeout(14 * 60_000);
  await uninstall();
  await install();
  const namespace = await freshNamespace(t, 'later', { 'weft.dev/inject': 'true' });
  const meshed = await runPod(t, { namespace, name: 'before', serviceAccount: 'before' });
  t.true(meshed.spec.initContainers?.some(({ name }) => name === 'weft-proxy'));
  const crds = await ours('crds');
  t.true(crds.length > 0);
  await helm('uninstall', 'shop', '-n', shopNamespace, '--wait', '--timeout', '5m');
  await waitFor(
    'contracts that no pod serves to go',
    async () => (await ours('configmaps', '-n', shopNamespace, '-l', 'weft.dev/contract')).length === 0,
    { timeoutMs: 120_000, intervalMs: 1000 },
  );
  await helm('uninstall', 'weft', '-n', systemNamespace, '--wait', '--timeout', '5m');

  for (const kind of [
    'mutatingwebhookconfigurations',
    'validatingwebhookconfigurations',
    'clusterroles',
    'clusterrolebindings',
  ]) {
    t.deepEqual(await ours(kind), [], kind);
  }
  await waitFor(
    'everything of ours in namespaces to go',
    async () => {
      const left = await ours(
        'roles,rolebindings,jobs,configmaps,deployments,services,poddisruptionbudgets,leases',
        '-A',
      );
      if (left.length > 0) throw new Error(left.join());
      return true;
    },
    { timeoutMs: 120_000, intervalMs: 1000 },
  );
  const plain = await runPod(t, { namespace, name: 'after', serviceAccount: 'after' });
  t.deepEqual(plain.spec.initContainers ?? [], []);
  t.deepEqual(await ours('crds'), crds, 'the definitions stay, with what users wrote');
  t.true((await ours('secrets', '-n', systemNamespace)).length > 0, 'the root stays');
});

clusterTest('the same root after uninstall and install; a CRD that was there is used and stays', async (t) => {
  t.timeout(14 * 60_000);
  const root = () => kubectl('get', 'configmap', 'weft-root', '-n', shopNamespace, '-o', 'jsonpath={.data.root\\.pem}');
  await uninstall();
  await install();
  const before = await root();
  t.regex(before, /BEGIN CERTIFICATE/);
  const [crd = ''] = await ours('crds');
  await kubectl('annotate', crd, 'example.com/owner=somebody', '--overwrite');
  await uninstall();
  await install();
  t.is(await root(), before);
  t.is(await kubectl('get', crd, '-o', 'jsonpath={.metadata.annotations.example\\.com/owner}'), 'somebody');
  await uninstall();
});
