import { waitFor } from '../wait-for.ts';
import { clusterTest, freshNamespace } from './cluster.ts';
import { apply, get, helm, kubectl } from './command.ts';
import { helmInstall, installed, shopNamespace, systemNamespace, uninstall, weftValues } from './installation.ts';
import { runPod } from './scratch-pod.ts';

/** Every kind of which the charts or the control plane make some, but Secrets and definitions, which stay in part. */
const kinds = [
  ...['mutatingwebhookconfigurations', 'validatingwebhookconfigurations', 'clusterroles', 'clusterrolebindings'],
  ...['roles', 'rolebindings', 'serviceaccounts', 'configmaps', 'services', 'leases', 'networkpolicies'],
  ...['deployments', 'statefulsets', 'jobs', 'pods', 'poddisruptionbudgets', 'horizontalpodautoscalers'],
];

async function names(...args: readonly string[]): Promise<string[]> {
  return (await kubectl('get', ...args, '-o', 'name')).split('\n').filter(Boolean).sort();
}

/** What has our name, or belongs to one of our releases. */
async function ours(): Promise<string[]> {
  const all = kinds.join();
  const named = (await names(all, '-A')).filter((name) => name.includes('weft'));
  return [...named, ...(await names(all, '-A', '-l', 'app.kubernetes.io/instance in (weft, shop)'))];
}

const definitions = async () => (await names('crds')).filter((name) => name.endsWith('.weft.dev'));

interface SecretObject {
  readonly data: Readonly<Record<string, string>>;
}

async function rootSecret(): Promise<SecretObject['data'] | undefined> {
  const found = await kubectl(
    'get',
    'secret',
    'weft-root-ca',
    '-n',
    systemNamespace,
    '--ignore-not-found',
    '-o',
    'json',
  );
  if (found === '') return undefined;
  const { data }: SecretObject = JSON.parse(found);
  return data;
}

clusterTest('helm uninstall leaves nothing that works, and pods start without sidecars', async (t) => {
  await installed(t);
  const namespace = await freshNamespace(t, 'later', { 'weft.dev/inject': 'true' });
  const meshed = await runPod(t, { namespace, name: 'before', serviceAccount: 'before' });
  t.true(meshed.spec.initContainers?.some(({ name }) => name === 'weft-proxy'));
  const crds = await definitions();
  t.true(crds.length > 0);
  const root = await rootSecret();
  t.truthy(root);

  // What the notes say is left is what is left, and their commands are right.
  const notes = await helm('get', 'notes', 'weft', '-n', systemNamespace);
  const removals = [...notes.matchAll(/^\s*kubectl (.*delete .*)$/gm)].map(([, command = '']) => command.split(' '));
  t.is(removals.length, 2, notes);
  const removed: string[] = [];
  for (const removal of removals) {
    removed.push(...(await kubectl(...removal, '--dry-run=server', '-o', 'name')).split('\n').filter(Boolean));
  }
  t.deepEqual(removed.sort(), [...crds, 'secret/weft-root-ca']);

  await helm('uninstall', 'shop', '-n', shopNamespace, '--wait', '--timeout', '5m');
  await helm('uninstall', 'weft', '-n', systemNamespace, '--wait', '--timeout', '5m');
  await waitFor(
    'everything of ours to go',
    async () => {
      const left = await ours();
      if (left.length > 0) throw new Error(left.join());
      return true;
    },
    { timeoutMs: 120_000, intervalMs: 1000 },
  );
  const plain = await runPod(t, { namespace, name: 'after', serviceAccount: 'after' });
  t.deepEqual(plain.spec.initContainers ?? [], []);
  t.deepEqual(await definitions(), crds, 'the definitions stay, with what users wrote');
  t.deepEqual(await rootSecret(), root, 'the root stays');
  t.deepEqual(await names('secrets', '-n', systemNamespace), ['secret/weft-root-ca']);
});

interface Definition {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: object;
}

const external = 'externalservices.weft.dev';

clusterTest('the next install has the same root, and uses a definition of somebody else as it is', async (t) => {
  t.timeout(14 * 60_000);
  if (!(await rootSecret())) await installed(t);
  await uninstall();
  const root = await rootSecret();
  const found = () => get<Definition>('crd', external);
  // Somebody's, which differs from ours.
  const { apiVersion, kind, metadata, spec } = await found();
  await kubectl('delete', 'crd', external);
  const names = { ...Reflect.get(spec, 'names'), shortNames: ['theirs'] };
  await apply(
    [{ apiVersion, kind, metadata: { name: metadata.name }, spec: { ...spec, names } }],
    '--server-side',
    '--field-manager=somebody',
  );
  const { metadata: theirs, spec: theirSpec } = await found();
  try {
    const error = await t.throwsAsync(helmInstall('weft', weftValues));
    t.regex(error?.message ?? '', /conflict.*somebody/s, 'it is not taken from them unasked');
    await helmInstall('weft', weftValues, '--skip-crds');
    t.deepEqual(await rootSecret(), root);
    await uninstall();
    const after = await found();
    t.is(after.metadata.uid, theirs.uid);
    t.deepEqual(after.spec, theirSpec);
  } finally {
    await uninstall();
    await kubectl('delete', 'crd', external);
  }
});
