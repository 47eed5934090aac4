import { descriptorSet } from '@weft/test-contracts';
import test from 'ava';
import { defaultQuotas } from '../model/quotas.ts';
import { serviceRef } from '../model/resource-ref.ts';
import { parseDirectory } from './parse-directory.ts';

const orders = descriptorSet('bakery.orders');

const meshYaml = `apiVersion: weft.dev/v1
kind: MeshConfig
metadata: {name: mesh}
spec:
  trustDomain: bakery.test
  packages: [{namespace: bakery, protoPackage: bakery}]
  tracing: {host: 127.0.0.1, port: 4317}
  certificateLifetime: 1h30m
`;
const serviceYaml = `apiVersion: v1
kind: Service
metadata: {namespace: bakery, name: orders}
spec:
  selector: {app: orders}
  ports: [{port: 80, appProtocol: grpc}]
`;
const workloadYaml = `apiVersion: weft.dev/v1
kind: Workload
metadata: {namespace: bakery, name: orders-0, labels: {app: orders}}
spec:
  serviceAccount: orders
  contract: 0123456789abcdef
  inbound: [{listen: "127.0.0.1:20001", application: "unix:/run/orders.sock"}]
  outbound: "127.0.0.1:20002"
status: {ready: true}
`;

function parse(files: Record<string, string | Uint8Array>) {
  const encoded = Object.entries(files).map(([path, content]): [string, Uint8Array] => [
    path,
    typeof content === 'string' ? Buffer.from(content) : content,
  ]);
  return parseDirectory(new Map(encoded));
}

test('a whole mesh', (t) => {
  const gateway = 'apiVersion: weft.dev/v1\nkind: Gateway\nmetadata: {name: edge}\nspec: {maxHeaders: 7}\n';
  const policy =
    'apiVersion: weft.dev/v1\nkind: MeshPolicy\nmetadata: {namespace: bakery, name: p}\nspec: {service: orders}\n';
  const facts = parse({
    'mesh.yaml': meshYaml,
    'bakery/orders.yaml': `${serviceYaml}---\n${workloadYaml}---\n# nothing\n`,
    'edge.yml': `${gateway}---\n${policy}`,
    'contracts/bakery/bakery.orders.binpb': orders,
    'README.md': 'not read',
    '.orders.yaml.swp': 'not read',
  });
  t.deepEqual(facts.problems, []);
  t.deepEqual(facts.settings, {
    quotas: defaultQuotas,
    origin: 'mesh.yaml',
    trustDomain: 'bakery.test',
    packages: [{ namespace: 'bakery', protoPackage: 'bakery' }],
    exposure: [],
    tracing: { host: '127.0.0.1', port: 4317, samplingPercent: 100 },
    certificateLifetimeMs: 5_400_000,
    outbound: 'allow',
    accessLog: 'sampled',
    accessLogs: [],
    permissive: [],
    zoneAware: false,
  });
  t.deepEqual(facts.services, [
    {
      namespace: 'bakery',
      name: 'orders',
      selector: { app: 'orders' },
      ports: [{ port: 80, appProtocol: 'grpc' }],
      addresses: [],
      headless: false,
      origin: 'bakery/orders.yaml',
    },
  ]);
  t.deepEqual(facts.workloads, [
    {
      id: 'bakery/orders-0',
      namespace: 'bakery',
      name: 'orders-0',
      labels: { app: 'orders' },
      serviceAccount: 'orders',
      spiffeId: 'spiffe://bakery.test/ns/bakery/sa/orders',
      contractHash: '0123456789abcdef',
      inbound: [{ listen: { host: '127.0.0.1', port: 20001 }, application: { unixSocket: '/run/orders.sock' } }],
      outbound: { listen: { host: '127.0.0.1', port: 20002 } },
      ready: true,
    },
  ]);
  t.is(facts.gateways[0]?.maxHeaders, 7);
  t.is(facts.gateways[0]?.maxMessageBytes, 4 * 1024 * 1024);
  t.like(facts.resources[0], {
    kind: 'MeshPolicy',
    metadata: { namespace: 'bakery', name: 'p' },
    spec: { service: 'orders' },
  });
  t.is(facts.contracts[0]?.namespace, 'bakery');
  t.regex(facts.contracts[0]?.hash ?? '', /^[0-9a-f]{16}$/);
});

test('a wrong document is named by file, line and field; its neighbours count', (t) => {
  const facts = parse({
    'mesh.yaml': meshYaml,
    'a.yaml': `${serviceYaml.replace('port: 80', 'port: 70000')}---\n${workloadYaml}`,
  });
  t.is(facts.services.length, 0);
  t.is(facts.workloads.length, 1);
  t.deepEqual(facts.problems, [
    {
      resource: 'a.yaml',
      about: [serviceRef('bakery/orders')],
      field: 'spec.ports[0].port',
      message: 'line 6: is 70000',
      advice: 'a port from 1 to 65535',
    },
  ]);
});

test('broken YAML in one document leaves the others', (t) => {
  const facts = parse({ 'mesh.yaml': meshYaml, 'a.yaml': `${workloadYaml}---\nkind: [\n` });
  t.is(facts.workloads.length, 1);
  t.is(facts.problems.length, 1);
  t.is(facts.problems[0]?.resource, 'a.yaml');
  t.regex(facts.problems[0]?.message ?? '', /^line \d+, column \d+: /);
});

test('each wrong field has its own words', (t) => {
  const cases: [string, string, RegExp][] = [
    [workloadYaml.replace('127.0.0.1:20002', 'localhost:1'), 'spec.outbound', /^line 8: is "localhost:1"$/],
    [workloadYaml.replace('unix:/run/orders.sock', 'unix:run'), 'spec.inbound[0].application', /is "unix:run"/],
    [workloadYaml.replace('  serviceAccount: orders\n', ''), 'spec.serviceAccount', /is missing/],
    [workloadYaml.replace('outbound:', 'outbund:'), 'spec.outbund', /^line 8: there is no such field$/],
    [workloadYaml.replace('name: orders-0', 'name: ../../etc'), 'metadata.name', /is "\.\.\/\.\.\/etc"/],
    [workloadYaml.replace('kind: Workload\n', ''), 'kind', /is missing/],
    [serviceYaml.replace('{app: orders}\n', '{}\n'), 'spec.selector', /is \{\}/],
    [serviceYaml.replace('selector: {app: orders}', 'selector: {app: 5}'), 'spec.selector.app', /is 5/],
  ];
  for (const [yaml, field, message] of cases) {
    const { problems, workloads, services } = parse({ 'mesh.yaml': meshYaml, 'a.yaml': yaml });
    t.is(problems[0]?.field, field);
    t.regex(problems[0]?.message ?? '', message, field);
    t.truthy(problems[0]?.advice, field);
    t.is(workloads.length + services.length, 0, field);
  }
});

test('of two objects with one name the first counts, whatever the order of the files', (t) => {
  const other = serviceYaml.replace('port: 80', 'port: 81');
  for (const files of [
    { 'mesh.yaml': meshYaml, 'a.yaml': serviceYaml, 'b.yaml': other },
    { 'b.yaml': other, 'a.yaml': serviceYaml, 'mesh.yaml': meshYaml },
  ]) {
    const facts = parse(files);
    t.deepEqual(
      facts.services.map((service) => service.ports[0]?.port),
      [80],
    );
    t.is(facts.problems[0]?.resource, 'b.yaml');
    t.is(facts.problems[0]?.advice, 'a.yaml, line 1 is used; remove one of the two');
  }
});

test('a default gives way to any other document of its name, without a problem, and is back when that goes', (t) => {
  const gateway = (maxHeaders: number, labels = '') =>
    `apiVersion: weft.dev/v1\nkind: Gateway\nmetadata: {name: edge${labels}}\nspec: {maxHeaders: ${maxHeaders}}\n`;
  const byDefault = gateway(1, ', labels: {weft.dev/default: "true"}');
  for (const files of [
    { 'edge.yaml': byDefault, 'user/edge.yaml': gateway(2) },
    { 'edge.yaml': gateway(2), 'user/edge.yaml': byDefault },
  ]) {
    const facts = parse({ 'mesh.yaml': meshYaml, ...files });
    t.deepEqual(facts.problems, []);
    t.deepEqual(
      facts.gateways.map(({ maxHeaders }) => maxHeaders),
      [2],
    );
  }
  t.is(parse({ 'mesh.yaml': meshYaml, 'edge.yaml': byDefault }).gateways[0]?.maxHeaders, 1);
  t.is(parse({ 'mesh.yaml': meshYaml, 'a.yaml': byDefault, 'b.yaml': byDefault }).problems.length, 1);
});

test('contracts that are cut, empty or out of place are problems', (t) => {
  const facts = parse({
    'mesh.yaml': meshYaml,
    'contracts/bakery/cut.binpb': orders.subarray(0, orders.length - 10),
    'contracts/bakery/empty.binpb': new Uint8Array(),
    'contracts/stray.binpb': orders,
    'contracts/bakery/good.binpb': orders,
    'contracts/bakery/same.binpb': orders,
  });
  t.deepEqual(
    facts.contracts.map((contract) => contract.origin),
    ['contracts/bakery/good.binpb'],
  );
  t.deepEqual(facts.problems.map((problem) => problem.resource).sort(), [
    'contracts/bakery/cut.binpb',
    'contracts/bakery/empty.binpb',
    'contracts/stray.binpb',
  ]);
});

test('an empty directory says what it wants', (t) => {
  const facts = parse({});
  t.is(facts.settings.trustDomain, 'weft.local');
  t.is(facts.problems[0]?.message, 'there is no MeshConfig');
});

test('aliases cannot blow up, binary rubbish is a problem', (t) => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n`;
  const facts = parse({
    'mesh.yaml': meshYaml,
    'bomb.yaml': bomb,
    'rubbish.yaml': Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  });
  t.deepEqual(
    facts.problems.map((problem) => problem.resource),
    ['bomb.yaml', 'rubbish.yaml'],
  );
});

test('a document of the group weft.dev that is of no kind of ours is named', (t) => {
  const problemsOf = (head: string) =>
    parseDirectory(
      new Map([
        [
          'mesh.yaml',
          Buffer.from('apiVersion: weft.dev/v1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {packages: []}\n'),
        ],
        ['a.yaml', Buffer.from(`${head}\nmetadata: {name: a, namespace: bakery}\nspec: {}\n`)],
      ]),
    ).problems;
  const [typo] = problemsOf('apiVersion: weft.dev/v1\nkind: MeshPolicey');
  t.is(typo?.field, 'kind');
  t.regex(typo?.advice ?? '', /MeshPolicy.* Did you mean MeshPolicy\?$/);
  const [old] = problemsOf('apiVersion: weft.dev/v1beta1\nkind: MeshPolicy');
  t.is(old?.field, 'apiVersion');
  t.regex(old?.advice ?? '', /^weft\.dev\/v1 for a MeshPolicy/);
  t.deepEqual(problemsOf('apiVersion: example.com/v1\nkind: MeshPolicey'), []);
});

test('a MeshConfig that is refused is not said to be missing', (t) => {
  const text =
    'apiVersion: weft.dev/v1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {trustDomian: a.b, packages: []}\n';
  const { problems } = parseDirectory(new Map([['mesh.yaml', Buffer.from(text)]]));
  t.deepEqual(
    problems.map(({ field = '', message }) => `${field}: ${message}`),
    ['spec.trustDomian: line 4: there is no such field', ': the MeshConfig was rejected, so the defaults apply'],
  );
});
