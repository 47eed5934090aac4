import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { parseAllDocuments } from 'yaml';
import { environment } from '../../k8s/environment.ts';
import { builtImages } from '../../k8s/images.ts';
import { type Container, type Manifest, manifestsOf } from '../../k8s/manifests.fixture.ts';
import { clusterTest } from './cluster.ts';
import { apply, helm, kubectl, run } from './command.ts';
import { shopNamespace, systemNamespace, weftValues } from './installation.ts';

const root = join(import.meta.dirname, '../..');

function synthesized(): readonly Manifest[] {
  const images = builtImages(root);
  if (!images) throw new Error('dist/images.json is missing: run make images first');
  return manifestsOf(environment({ root, images }));
}

async function templateOf(chart: string, namespace: string): Promise<readonly Manifest[]> {
  // Both are compared as they are by default: without reflection.
  const given = chart === 'weft' ? { ...weftValues, 'edge.reflection': false } : {};
  const values = Object.entries(given).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const flags = ['-n', namespace, '--include-crds', '--no-hooks', ...values];
  const text = await helm('template', chart, join(root, 'charts', chart), ...flags);
  return parseAllDocuments(text).flatMap((document) => {
    const manifest: Manifest | null = document.toJS();
    return manifest?.kind ? [manifest] : [];
  });
}

/** The server's own opinion of objects, without making them: an unknown or a doubled field is an error. */
async function dryRun(t: ExecutionContext, manifests: readonly Manifest[]): Promise<void> {
  // A kind that a definition of this very list makes is not known yet.
  const known = new Set((await kubectl('api-resources', '--no-headers', '-o', 'wide')).match(/\b[A-Z][A-Za-z]+\b/g));
  const checked = manifests.filter(({ kind }) => known.has(kind));
  t.true(checked.length > 20, `${checked.length} manifests`);
  const directory = await mkdtemp(join(tmpdir(), 'weft-manifests-'));
  try {
    const file = join(directory, 'all.json');
    await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: checked }));
    const said = await run('kubectl', [
      'apply',
      '--server-side',
      '--force-conflicts',
      '--dry-run=server',
      '--validate=strict',
      '-f',
      file,
    ]);
    t.is(said.trim().split('\n').length, checked.length);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function namespaces(): Promise<void> {
  const named = [systemNamespace, shopNamespace];
  await apply(
    named.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    '--server-side',
  );
}

clusterTest('helm template is valid for the API server', async (t) => {
  await namespaces();
  for (const [chart, namespace] of [
    ['weft', systemNamespace],
    ['shop', shopNamespace],
  ] as const) {
    const manifests = (await templateOf(chart, namespace)).map((manifest) =>
      // Helm adds it at install.
      manifest.metadata.namespace ? manifest : { ...manifest, metadata: { ...manifest.metadata, namespace } },
    );
    await dryRun(t, manifests);
  }
});

clusterTest('the manifests of cdk8s are valid for the API server', async (t) => {
  await namespaces();
  await dryRun(t, synthesized());
});

/** What a container is, without how much it asks for. */
function containerEssence({ name, image, args, env, ports, securityContext }: Container) {
  // A variable's value, or where it comes from; in no order, since none depends on another.
  const variables = [...(env ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { name, image, args, ports, env: variables, securityContext };
}

const bookkeeping = /^(helm\.sh\/|app\.kubernetes\.io\/(managed-by|version|component|part-of)|kubectl\.)/;

function withoutBookkeeping(marks: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(marks)
      .filter(([name]) => !bookkeeping.test(name))
      .sort(),
  );
}

/** What must be the same in a chart and in the app. */
function essence({ kind, spec, rules, binaryData, immutable, webhooks }: Manifest): object {
  const pod = spec?.template;
  if (pod) {
    return {
      labels: withoutBookkeeping(pod.metadata?.labels),
      annotations: withoutBookkeeping(pod.metadata?.annotations),
      serviceAccountName: pod.spec.serviceAccountName,
      securityContext: pod.spec.securityContext,
      initContainers: (pod.spec.initContainers ?? []).map(containerEssence),
      containers: pod.spec.containers.map(containerEssence),
    };
  }
  if (kind === 'Service') return { ports: spec?.ports, selector: spec?.selector };
  if (/^(NetworkPolicy|PodDisruptionBudget|MeshConfig|Gateway)$/.test(kind)) return { ...spec };
  return { rules, binaryData, immutable, webhooks };
}

const compared = new Set([
  'ClusterRole',
  'ConfigMap',
  'Deployment',
  'Gateway',
  'MeshConfig',
  'MutatingWebhookConfiguration',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'Role',
  'Service',
  'ServiceAccount',
  'StatefulSet',
]);

/** What is made once, by a hook of helm or by a Job of the app; each in its own way. */
const madeOnce = /credentials|database-setup/;

for (const [chart, namespace] of [
  ['weft', systemNamespace],
  ['shop', shopNamespace],
] as const) {
  clusterTest(`charts/${chart} and cdk8s make the same`, async (t) => {
    const key = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`;
    const choose = (manifests: readonly Manifest[]) =>
      new Map(
        manifests
          .filter(({ kind, metadata }) => compared.has(kind) && !madeOnce.test(metadata.name))
          .map((manifest) => [key(manifest), manifest] as const),
      );
    const fromChart = choose(await templateOf(chart, namespace));
    const fromApp = choose(
      synthesized().filter(
        ({ metadata }) => metadata.namespace === namespace || (chart === 'weft' && metadata.namespace === undefined),
      ),
    );
    t.deepEqual([...fromApp.keys()].sort(), [...fromChart.keys()].sort());
    for (const [name, manifest] of fromChart) {
      const other = fromApp.get(name);
      if (other)
        t.deepEqual(JSON.parse(JSON.stringify(essence(other))), JSON.parse(JSON.stringify(essence(manifest))), name);
    }
  });
}
