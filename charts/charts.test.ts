import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { externalServiceSchema, gatewaySchema, meshConfigSchema } from '@weft/compiler/mesh-directory/manifest-schemas';
import test from 'ava';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';

const run = promisify(execFile);
const charts = import.meta.dirname;
const noHelm: string | undefined = await run('helm', ['version']).then(
  () => undefined,
  () => 'there is no helm on PATH',
);

/** A test that needs helm; skipped, with the reason in its title, where there is none. */
const chartTest: typeof test = Object.assign(noHelm === undefined ? test : test.skip, test);

async function template(chart: string, ...args: readonly string[]): Promise<string> {
  const namespace = chart === 'weft' ? 'weft-system' : 'shop';
  const release = chart === 'service' ? 'orders' : chart;
  const { stdout } = await run('helm', ['template', release, join(charts, chart), '-n', namespace, ...args], {
    maxBuffer: 1 << 26,
  });
  return stdout;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly template?: {
      readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: PodSpec;
    };
  } & Partial<PodSpec>;
  readonly binaryData?: Readonly<Record<string, string>>;
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly serviceAccountName?: string;
  readonly securityContext?: { readonly runAsNonRoot: boolean; readonly seccompProfile: { readonly type: string } };
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
}

interface Container {
  readonly name: string;
  readonly env?: readonly {
    readonly name: string;
    readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string } };
  }[];
  readonly securityContext: object;
  readonly resources: { readonly limits?: { readonly memory?: string } };
}

function manifests(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((manifest) => manifest !== null);
}

const tag = ['--set', 'image.tag=0.0.0'];
const shopTag = ['--set', 'service.image.tag=0.0.0'];
const value = (chart: string, file: string) => ['-f', join(charts, chart, file)];
const cases: Readonly<Record<string, readonly [chart: string, ...args: readonly string[]]>> = {
  weft: ['weft', ...tag],
  'weft-eks': ['weft', ...tag, ...value('weft', 'values-eks.yaml')],
  'weft-eks-alb': ['weft', ...tag, ...value('weft', 'values-eks.yaml'), ...value('weft', 'values-eks-alb.yaml')],
  'weft-external-root': [
    'weft',
    ...tag,
    '--set',
    'controlPlane.rootSecret=intermediate,mesh.trustDomain=prod.example.com,edge.enabled=false',
  ],
  shop: ['shop', ...shopTag],
  'shop-eks': ['shop', ...shopTag, ...value('shop', 'values-eks.yaml')],
  service: [
    'service',
    ...[...tag, '--set', 'database.setup.tag=0.0.0'],
    ...['--set', 'mesh.kit=false,service.appProtocol=http,probes.type=http'],
  ],
  'service-database': [
    'service',
    ...[...tag, '--set', 'database.setup.tag=0.0.0,database.setup.secret=database-admin'],
    ...['--set', 'database.schema=orders,database.host=postgres.databases,database.name=bakery'],
  ],
  'service-iam': [
    'service',
    ...[...tag, '--set', 'database.setup.tag=0.0.0,database.setup.secret=database-admin,image.user=10001'],
    ...['--set', 'database.schema=orders,database.host=postgres.databases,database.name=bakery'],
    ...['--set', 'database.iam=true,database.tls=true,database.caConfigMap=rds-ca,probes.type=none'],
  ],
};

for (const [name, args] of Object.entries(cases)) {
  chartTest(
    `${name} is as in charts/goldens (UPDATE_GOLDENS=1 writes it)${noHelm ? ` (${noHelm})` : ''}`,
    async (t) => {
      // Contracts have tests of their own; here they would be long and change with every comment in proto/.
      const rendered = (await template(...args))
        .replace(/^( {2}shop\.\w+\.binpb: ).*$/gm, '$1...')
        .replace(/(weft-contract-shop\.\w+-|(?:weft\.dev\/contract|WEFT_CONTRACT, value): ")[0-9a-f]{16}/g, '$1<hash>');
      const path = join(charts, 'goldens', `${name}.yaml`);
      if (process.env.UPDATE_GOLDENS) {
        mkdirSync(join(charts, 'goldens'), { recursive: true });
        writeFileSync(path, rendered);
      }
      t.is(rendered, readFileSync(path, 'utf8'));
    },
  );

  chartTest(`${name}: every pod passes Pod Security "restricted" and bounds its memory`, async (t) => {
    let pods = 0;
    for (const { kind, metadata, spec } of manifests(await template(...args))) {
      const pod = kind === 'Pod' ? (spec as PodSpec | undefined) : spec?.template?.spec;
      if (!pod) continue;
      pods++;
      const where = `${kind} ${metadata.name}`;
      t.like(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, where);
      t.is(typeof pod.automountServiceAccountToken, 'boolean', where);
      for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
        t.deepEqual(
          container.securityContext,
          { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          `${where} ${container.name}`,
        );
        t.truthy(container.resources.limits?.memory, `${where} ${container.name}`);
      }
    }
    t.true(pods > 0);
  });
}

chartTest('a service reads its own Secret and no other, as its own account', async (t) => {
  for (const { kind, metadata, spec } of manifests(await template('shop'))) {
    if (kind !== 'Deployment') continue;
    const pod = spec?.template?.spec;
    t.is(pod?.serviceAccountName ?? '', metadata.name);
    t.false(pod?.automountServiceAccountToken);
    const secrets = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])]
      .flatMap(({ env = [] }) => env)
      .flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []);
    t.deepEqual([...new Set(secrets)], [`${metadata.name}-database`]);
  }
});

chartTest('a contract is published under the hash of its bytes, which its pods carry', async (t) => {
  const all = manifests(await template('shop'));

  const found = all.filter(({ kind }) => kind === 'ConfigMap');
  t.is(found.length, 4);
  for (const { metadata, binaryData = {} } of found) {
    const bytes = Buffer.from(Object.values(binaryData)[0] ?? '', 'base64');
    t.is(contractHash(bytes), metadata.labels?.['weft.dev/contract'] ?? '');
    t.is(metadata.annotations?.['helm.sh/resource-policy'], 'keep');
  }
});

chartTest('a contract of more than a ConfigMap holds comes in parts', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-chart-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const bytes = Buffer.alloc(1_600_001, '\ncontract ');
  writeFileSync(join(directory, 'descriptor'), bytes.toString('base64'));
  const all = manifests(
    await template(
      'service',
      '--set',
      'contract.name=shop.big',
      '--set-file',
      `contract.descriptor=${directory}/descriptor`,
    ),
  ).filter(({ kind }) => kind === 'ConfigMap');
  t.deepEqual(
    all.map(({ metadata }) => metadata.annotations?.['weft.dev/contract-part']),
    ['1/3', '2/3', '3/3'],
  );
  const parts = all.map(({ binaryData = {} }) => Buffer.from(Object.values(binaryData)[0] ?? '', 'base64'));
  t.true(parts.every(({ length }) => length < 1_000_000));
  t.true(Buffer.concat(parts).equals(bytes));
});

chartTest('a contract comes in base64, by --set-file and by a values file alike', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-chart-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const bytes = Buffer.concat([Buffer.from([0x0a, 0xc8, 0x01]), Buffer.alloc(200, 0xff)]);
  const lines = bytes.toString('base64').replace(/.{76}/g, '$&\r\n');
  writeFileSync(join(directory, 'cart.base64'), `${lines}\n`);
  writeFileSync(join(directory, 'values.yaml'), stringify({ contract: { descriptor: bytes.toString('base64') } }));
  writeFileSync(join(directory, 'cart.binpb'), bytes);
  const withContract = (...args: readonly string[]) =>
    template('service', ...tag, '--set', 'contract.name=bakery.cart', ...args);

  const byFile = await withContract('--set-file', `contract.descriptor=${directory}/cart.base64`);
  t.is(byFile, await withContract('-f', join(directory, 'values.yaml')));
  const map = manifests(byFile).find(({ kind }) => kind === 'ConfigMap');
  t.deepEqual(Buffer.from(map?.binaryData?.['bakery.cart.binpb'] ?? '', 'base64'), bytes);

  // Helm would keep the binary file as text, with other bytes.
  const error = await t.throwsAsync(withContract('--set-file', `contract.descriptor=${directory}/cart.binpb`));
  t.regex(error?.message ?? '', /contract\.descriptor must be a descriptor set in base64.*base64 bakery\.cart\.binpb/);
});

const ownDatabase =
  'database.schema=cart,database.host=db,database.name=bakery,database.setup.secret=admin,database.setup.tag=0.0.0';

chartTest('a service that is given its Secret has no right to make one', async (t) => {
  const made = async (values: string) =>
    manifests(await template('service', ...tag, '--set', `${ownDatabase}${values}`))
      .filter(({ metadata }) => metadata.annotations?.['helm.sh/hook']?.startsWith('pre-install'))
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  t.deepEqual(await made(''), [
    'ServiceAccount orders-credentials',
    'Role orders-credentials',
    'RoleBinding orders-credentials',
    'Job orders-credentials',
    'Job orders-database-setup',
  ]);
  t.deepEqual(await made(',database.secret=mine'), ['Job orders-database-setup']);
  t.deepEqual(await made(',database.iam=true,database.tls=true'), ['Job orders-database-setup']);
  t.deepEqual(await made(',database.setup.secret='), []);
});

chartTest('a service reaches its database past the sidecar, unless the values say otherwise', async (t) => {
  const ports = async (...args: readonly string[]) => {
    const all = manifests(await template('service', ...tag, '--set', ownDatabase, ...args));
    const pod = all.find(({ kind }) => kind === 'Deployment')?.spec?.template;
    return pod?.metadata?.annotations?.['weft.dev/exclude-outbound-ports'];
  };
  t.is(await ports(), '5432');
  t.is(await ports('--set', 'database.port=6432'), '6432');
  t.is(await ports('--set-string', 'mesh.annotations.exclude-outbound-ports=25'), '25');
  t.is(await ports('--set', 'mesh.annotations.exclude-outbound-ports='), undefined);
});

const refused: readonly [what: string, chart: string, set: string, message: RegExp][] = [
  ['a value that is none', 'shop', 'services.orders.replica=2', /additional properties 'replica' not allowed/],
  ['an external database without a host', 'shop', 'database.mode=external', /database\/external\/host/],
  ['IAM without TLS', 'shop', 'database.external.iam=true,database.external.tls=false', /\/tls/],
  [
    'a contract that is not there',
    'shop',
    'services.orders.contract.name=shop.other',
    /contracts\/shop\.other\.binpb is not in the chart/,
  ],
  ['a failure policy that is none', 'weft', 'injector.failurePolicy=Maybe', /failurePolicy/],
];
for (const [what, chart, set, message] of refused) {
  chartTest(`${what} is refused`, async (t) => {
    const error = await t.throwsAsync(template(chart, '--set', set));
    t.regex(error?.message ?? '', message);
  });
}

chartTest('nobody of ours may read Secrets but by name', async (t) => {
  for (const { kind, metadata, rules = [] } of [
    ...manifests(await template('weft')),
    ...manifests(await template('shop')),
    ...manifests(await template('service', '--set', ownDatabase)),
  ]) {
    for (const rule of rules) {
      const everything = [...rule.resources, ...rule.verbs].includes('*');
      t.false(everything, `${kind} ${metadata.name}`);
      if (!rule.resources.includes('secrets') || 'resourceNames' in rule) continue;
      t.deepEqual([...rule.verbs], ['create'], `${kind} ${metadata.name}`);
    }
  }
});

chartTest('a root from outside needs a trust domain of its own', async (t) => {
  const error = await t.throwsAsync(template('weft', '--set', 'controlPlane.rootSecret=intermediate'));
  t.regex(error?.message ?? '', /mesh\.trustDomain must not be the default \(weft\.local\)/);
});

chartTest('a service may reach names, the mesh and what it says, when its egress is bounded', async (t) => {
  const values = ['image.tag=v1', 'networkPolicy.egress.enabled=true', 'networkPolicy.egress.to[0].ports[0].port=5432'];
  const all = manifests(await template('service', ...values.flatMap((value) => ['--set', value])));
  const spec: unknown = all.find(({ kind }) => kind === 'NetworkPolicy')?.spec;
  t.like(spec, {
    policyTypes: ['Ingress', 'Egress'],
    egress: [
      { ports: [{ port: 53, protocol: 'UDP' }, { port: 53 }] },
      { ports: [{ port: 15_012 }] },
      { to: [{ namespaceSelector: { matchLabels: { 'weft.dev/inject': 'true' } } }] },
      { ports: [{ port: 5432 }] },
    ],
  });
});

test('the schema of the shop has that of its services', (t) => {
  const read = (chart: string) => JSON.parse(readFileSync(join(charts, chart, 'values.schema.json'), 'utf8'));
  const { $schema: _, title: __, ...service } = read('service');
  const { enabled: ___, ...properties } = read('shop').$defs.service.properties;
  t.deepEqual({ ...read('shop').$defs.service, properties }, service);
});

test('every default has a schema', (t) => {
  for (const chart of ['service', 'weft', 'shop']) {
    const values = parse(readFileSync(join(charts, chart, 'values.yaml'), 'utf8'));
    const { properties } = JSON.parse(readFileSync(join(charts, chart, 'values.schema.json'), 'utf8'));
    for (const key of Object.keys(values)) t.true(key in properties, `${chart}: ${key}`);
  }
});

for (const [file, schema] of [
  ['meshconfig', meshConfigSchema],
  ['gateway', gatewaySchema],
  ['externalservice', externalServiceSchema],
] as const) {
  test(`the CRD of ${file} has the fields that the control plane reads`, (t) => {
    const crd = parse(readFileSync(join(charts, 'weft/crds', `${file}.yaml`), 'utf8'));
    const { spec } = crd.spec.versions[0].schema.openAPIV3Schema.properties;
    const wanted = z.toJSONSchema(schema.shape.spec, { io: 'input' });
    t.deepEqual(fields(spec), fields(wanted));
    t.deepEqual(spec.required ?? [], wanted.required ?? []);
  });
}

/** Paths of all fields: "tracing.port", "packages[].namespace". */
function fields(schema: unknown, path = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties = {}, items }: { properties?: object; items?: unknown } = schema;
  const own = Object.entries(properties).flatMap(([name, field]) => {
    const at = path === '' ? name : `${path}.${name}`;
    return [at, ...fields(field, at)];
  });
  return [...own, ...fields(items, `${path}[]`)].sort();
}
