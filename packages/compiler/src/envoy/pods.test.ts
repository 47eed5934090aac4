import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import { FilterChainSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener_components';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import { MatcherSchema } from '@weft/envoy-api/xds/type/matcher/v3/matcher';
import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { DirectoryCompiler } from '../testing/directory-compiler.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { typeUrls } from './resource.ts';

/** A pod and the Service in front of it. */
function put(directory: MeshDirectory, name: string, address: string, service: object, namespace = 'bakery') {
  const contract = ['orders', 'payments', 'catalog'].includes(name) ? descriptorSet(`bakery.${name}`) : undefined;
  if (contract) directory.contract('bakery', `bakery.${name}`, contract);
  return directory
    .put(`${namespace}/${name}.yaml`, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name },
      spec: { selector: { app: name }, ...service },
    })
    .put(`${namespace}/pod-${name}-${address}.yaml`, {
      kind: 'Workload',
      metadata: { namespace, name: `${name}-${address.replaceAll('.', '-')}`, labels: { app: name } },
      spec: {
        serviceAccount: name,
        ...(contract ? { contract: contractHash(contract) } : {}),
        pod: { addresses: [address] },
      },
      status: { ready: true },
    });
}

const grpc = (clusterIP: string) => ({ clusterIP, ports: [{ port: 80, targetPort: 8080, appProtocol: 'grpc' }] });

function bakery(): MeshDirectory {
  const directory = new MeshDirectory();
  put(directory, 'orders', '10.1.0.1', grpc('10.96.0.1'));
  put(directory, 'payments', '10.1.0.2', grpc('10.96.0.2'));
  return put(directory, 'ledger', '10.1.0.3', { clusterIP: 'None', ports: [{ port: 5432 }] });
}

const orders = 'bakery/orders-10-1-0-1';

function listener(directory: MeshDirectory, name: string) {
  const resource = new DirectoryCompiler(directory).snapshot(orders)?.get(typeUrls.listener)?.get(name);
  if (resource === undefined) throw new Error(`${orders} has no listener ${name}`);
  return fromBinary(ListenerSchema, resource.body);
}

test('a proxy holds nothing of services that it may not call, however many there are', (t) => {
  const few = bakery();
  const many = bakery();
  for (let index = 0; index < 200; index++) {
    put(many, `other-${index}`, `10.2.0.${index}`, { clusterIP: `10.97.0.${index}`, ports: [{ port: 5432 }] }, 'other');
  }
  put(many, 'catalog', '10.1.0.4', grpc('10.96.0.4'));
  const held = (directory: MeshDirectory) =>
    [...(new DirectoryCompiler(directory).snapshot('bakery/payments-10-1-0-2') ?? [])].flatMap(([, resources]) =>
      [...resources.values()].map(({ name, version }) => `${name} ${version}`),
    );
  t.deepEqual(held(many), held(few));
});

test('a replica more of a headless service leaves every filter chain as it was', (t) => {
  const before = listener(bakery(), 'outbound');
  const after = listener(
    put(bakery(), 'ledger', '10.1.0.9', { clusterIP: 'None', ports: [{ port: 5432 }] }),
    'outbound',
  );
  const chains = ({ filterChains }: typeof before) =>
    filterChains.map((chain) => Buffer.from(toBinary(FilterChainSchema, chain)).toString('base64'));
  t.notDeepEqual(after.filterChainMatcher, before.filterChainMatcher);
  t.deepEqual(chains(after), chains(before));
});

test('a service that comes into a namespace reaches its workloads, and a replica of it its callers', (t) => {
  const compiler = new DirectoryCompiler(bakery());
  const namesTold = (directory: MeshDirectory) => {
    const { changes } = compiler.update(directory);
    const told = changes.flatMap(({ proxies, names }) =>
      [...proxies].includes(orders) && names !== 'everything' ? [...names.values()].flatMap((found) => [...found]) : [],
    );
    return [...new Set(told)].sort();
  };
  const cache = { clusterIP: '10.96.0.7', ports: [{ port: 6379 }] };
  const told = namesTold(put(bakery(), 'cache', '10.1.0.7', cache));
  t.deepEqual(told, ['outbound', 'outbound|bakery/cache']);
  const more = put(put(bakery(), 'cache', '10.1.0.7', cache), 'cache', '10.1.0.8', cache);
  t.deepEqual(namesTold(more), ['outbound|bakery/cache']);
});

test('every filter chain and every domain is there once, whatever Services say', (t) => {
  const directory = bakery();
  const both = (port: number) => [
    { name: 'one', port, protocol: 'UDP' },
    { name: 'two', port, protocol: 'TCP' },
    { name: 'three', port, protocol: 'TCP' },
  ];
  put(directory, 'dns', '10.1.0.5', { clusterIP: '10.96.0.5', ports: both(53) });
  put(directory, 'web', '10.1.0.6', {
    clusterIP: '10.96.0.6',
    ports: both(443).map((port) => ({ ...port, appProtocol: 'http' })),
  });
  put(directory, 'udp', '10.1.0.7', { clusterIP: '10.96.0.8', ports: [{ port: 53, protocol: 'UDP' }] });
  const moved = { clusterIP: 'None', ports: [{ port: 80, targetPort: 'web' }] };
  for (const [address, web] of [
    ['10.1.0.8', 8080],
    ['10.1.0.9', 9090],
  ] as const) {
    put(directory, 'moved', address, moved).put(`bakery/pod-moved-${address}.yaml`, {
      kind: 'Workload',
      metadata: { namespace: 'bakery', name: `moved-${address.replaceAll('.', '-')}`, labels: { app: 'moved' } },
      spec: { serviceAccount: 'moved', pod: { addresses: [address], portNames: { web } } },
      status: { ready: true },
    });
  }
  const { filterChains } = listener(directory, 'outbound');
  const names = filterChains.map(({ name }) => name);
  t.deepEqual([...new Set(names)], names);
  t.true(names.includes('tcp|bakery/dns|53') && names.includes('tcp|bakery/moved|80'));
  t.false(names.some((name) => name.startsWith('tcp|bakery/udp')));
  const routes = new DirectoryCompiler(directory).snapshot(orders)?.get(typeUrls.route)?.get('outbound');
  const hosts = fromBinary(RouteConfigurationSchema, routes?.body ?? new Uint8Array()).virtualHosts;
  const domains = hosts.flatMap((host) => host.domains);
  t.deepEqual([...new Set(domains)], domains);
  t.true(domains.some((domain) => domain.startsWith('web')));
});

test('of two services whose replicas have one address, the nearest keeps it', (t) => {
  const headless = { clusterIP: 'None', ports: [{ port: 5432 }] };
  const chosen = (directory: MeshDirectory) =>
    Buffer.from(
      toBinary(MatcherSchema, listener(directory, 'outbound').filterChainMatcher ?? create(MatcherSchema)),
    ).toString('latin1');
  const before = chosen(put(bakery(), 'aaa', '10.1.0.4', headless));
  t.regex(before, /tcp\|bakery\/ledger\|5432/);
  const after = chosen(put(put(bakery(), 'aaa', '10.1.0.4', headless), 'zzz', '10.1.0.3', headless));
  t.is(after, before);
});

test('a port called constructor is a port', (t) => {
  const directory = put(bakery(), 'odd', '10.1.0.5', {
    clusterIP: '10.96.0.5',
    ports: [{ port: 80, targetPort: 'constructor' }],
  });
  const { compiler } = new DirectoryCompiler(directory);
  t.deepEqual(compiler.failures(), []);
});

test('a contract that is not understood opens nothing to its namespace', (t) => {
  const directory = bakery();
  directory.files.set('contracts/bakery/bakery.payments.binpb', Buffer.from('no descriptor set'));
  const clusters = new DirectoryCompiler(directory).snapshot(orders)?.get(typeUrls.cluster);
  t.false(clusters?.has('outbound|bakery/payments'));
  t.true(clusters?.has('outbound|bakery/ledger'));
});

test('undeclared calls of some workloads are denied, the first rule about a workload counts', (t) => {
  const chainsOf = (spec: object) => {
    const directory = new MeshDirectory(spec);
    put(directory, 'orders', '10.1.0.1', grpc('10.96.0.1'));
    return listener(directory, 'outbound').filterChains.map(({ name }) => name);
  };
  const deny = { namespace: 'bakery', labels: { app: 'orders' }, outbound: 'deny' };
  t.true(chainsOf({}).includes('unknown'));
  t.true(chainsOf({ outbounds: [deny] }).includes('denied'));
  t.true(chainsOf({ outbounds: [{ ...deny, labels: {} }] }).includes('denied'));
  t.true(chainsOf({ outbounds: [{ ...deny, labels: { app: 'catalog' } }] }).includes('unknown'));
  t.true(chainsOf({ outbounds: [{ ...deny, namespace: 'other' }] }).includes('unknown'));
  t.true(chainsOf({ outbound: 'deny', outbounds: [{ ...deny, outbound: 'allow' }, deny] }).includes('unknown'));
});
