import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { environment } from './environment.ts';
import { type Manifest, manifestsOf, podsIn } from './manifests.fixture.ts';
import { namespaces, shopServices } from './names.ts';

const root = join(import.meta.dirname, '..');
const names = ['control-plane', 'interception', 'database-setup', ...shopServices.map(({ name }) => name)];
const images = Object.fromEntries(names.map((name) => [name, `docker.io/weft/${name}:1`]));
const app = environment({ root, images });
const manifests = manifestsOf(app);
const of = (kind: string): readonly Manifest[] => manifests.filter((manifest) => manifest.kind === kind);

test('no two manifests are the same object', (t) => {
  const ids = manifests.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
  t.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
  );
});

test('no manifest holds a secret', (t) => {
  t.deepEqual(of('Secret'), []);
  t.notRegex(JSON.stringify(manifests), /"PGPASSWORD","value"/);
});

test('every pod passes Pod Security "restricted", and its root file system cannot be written', (t) => {
  const pods = podsIn(manifests);
  t.true(pods.length > 6, `${pods.length} pods`);
  for (const { owner, pod } of pods) {
    t.true(pod.spec.securityContext?.runAsNonRoot, owner);
    t.is(pod.spec.securityContext?.seccompProfile?.type, 'RuntimeDefault', owner);
    t.false(pod.spec.hostNetwork ?? false, owner);
    for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
      const where = `${owner}, ${container.name}`;
      t.false(container.securityContext?.allowPrivilegeEscalation, where);
      t.true(container.securityContext?.readOnlyRootFilesystem, where);
      t.deepEqual(container.securityContext?.capabilities?.drop, ['ALL'], where);
      t.is(container.imagePullPolicy, 'IfNotPresent', where);
      t.regex(container.image, /^[a-z.]+[/a-z-]*:[a-z0-9.-]+$/, where);
    }
  }
});

test('every service has its own account, its own credentials and a Service that finds its pods', (t) => {
  const deployments = of('Deployment').filter(({ metadata }) => metadata.namespace === namespaces.shop);
  t.deepEqual(deployments.map(({ metadata }) => metadata.name).sort(), shopServices.map(({ name }) => name).sort());
  for (const { owner, pod } of podsIn(deployments)) {
    const name = owner.split('/').at(-1) ?? '';
    t.is(pod.spec.serviceAccountName, name);
    t.true(of('ServiceAccount').some(({ metadata }) => metadata.name === name));
    const secrets = JSON.stringify(pod.spec).match(/"secretKeyRef":\{[^}]*\}/g) ?? [];
    t.true(secrets.length > 0);
    for (const secret of secrets) t.true(secret.includes(`"name":"${name}-database"`), `${owner}: ${secret}`);
    const service = of('Service').find(({ metadata }) => metadata.name === name);
    for (const [label, value] of Object.entries(service?.spec?.selector ?? { none: '' })) {
      t.is(pod.metadata?.labels?.[label], value, `${owner}: ${label}`);
    }
  }
});

test('every contract is published under the hash that its pods carry', (t) => {
  if (!existsSync(join(root, 'contracts/orders/descriptor.binpb'))) return t.fail('run make generate');
  for (const { owner, pod } of podsIn(of('Deployment'))) {
    const hash = pod.metadata?.labels?.['weft.dev/contract'];
    if (!shopServices.some(({ name }) => owner.endsWith(`/${name}`))) continue;
    const published = of('ConfigMap').find(({ metadata }) => metadata.labels?.['weft.dev/contract'] === hash);
    t.is(published?.metadata.namespace, namespaces.shop, owner);
    t.true(published?.immutable, owner);
    t.is(Object.keys(published?.binaryData ?? {}).length, 1);
  }
});

test('to synthesize twice gives the same', (t) => {
  t.deepEqual(manifestsOf(environment({ root, images })), manifests);
});

test('only what belongs to a namespace names one', (t) => {
  const clusterWide =
    /^(Namespace|CustomResourceDefinition|ClusterRole|ClusterRoleBinding|MutatingWebhookConfiguration|MeshConfig|Gateway)$/;
  for (const { kind, metadata } of manifests) {
    t.is(metadata.namespace === undefined, clusterWide.test(kind), `${kind} ${metadata.name}`);
  }
});

test('the webhook fails closed, and never sees the namespaces that it needs itself', (t) => {
  const [webhook] = of('MutatingWebhookConfiguration');
  t.is(webhook?.webhooks?.length, 2);
  for (const one of webhook?.webhooks ?? []) {
    const text = JSON.stringify(one);
    t.regex(text, /"failurePolicy":"Fail"/);
    for (const name of ['kube-system', namespaces.system]) t.true(text.includes(`"${name}"`), name);
  }
});

test('kind maps the port of its configuration to the edge', async (t) => {
  const kind: { nodes: { extraPortMappings: { containerPort: number; hostPort: number; listenAddress: string }[] }[] } =
    parse(await readFile(join(root, 'k8s/kind.yaml'), 'utf8'));
  const edge = of('Service').find(({ metadata }) => metadata.name === 'weft-edge');
  const [mapping] = kind.nodes[0]?.extraPortMappings ?? [];
  t.is(mapping?.containerPort, edge?.spec?.ports?.[0]?.nodePort);
  t.is(mapping?.listenAddress, '127.0.0.1');
});
