import { fromBinary } from '@bufbuild/protobuf';
import { ClusterSchema } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import { ClusterLoadAssignmentSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint';
import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import type { Backend, Rule } from '../model/route.ts';
import { missingReferences } from '../testing/references.ts';
import {
  actionOf,
  answerOf,
  clustersOf,
  contracts,
  get,
  mesh,
  put,
  Routed,
  route,
  safe,
  toA,
  toNext,
} from '../testing/routed-mesh.ts';
import { tinyContract, tinyPath } from '../testing/tiny-contract.ts';
import { typeUrls } from './resource.ts';

// A front end fills in routes; what Envoy makes of each of their parts is here.

test('weights share calls out among backends, and 0 gets none', (t) => {
  const backends = [
    { ...toA, weight: 90 },
    { ...toNext, weight: 10 },
  ];
  const split = new Routed([route([{ backends }])]);
  t.deepEqual(split.calls(get).map(clustersOf), [
    [
      ['outbound|bakery/a', 90],
      ['outbound|bakery/next', 10],
    ],
  ]);
  const all = new Routed([
    route([
      {
        backends: [
          { ...toA, weight: 0 },
          { ...toNext, weight: 10 },
        ],
      },
    ]),
  ]);
  t.deepEqual(all.calls(get).map(clustersOf), [[['outbound|bakery/next', 1]]]);
});

test('a match narrows the calls, the first rule decides, and without one that matches calls get 404', (t) => {
  const headers = [
    { name: 'x-user', value: { exact: 'ada' } },
    { name: 'x-n', value: { start: 1, end: 5 }, invert: true },
  ];
  const query = [{ name: 'debug' }];
  const canary = {
    matches: [{ grpc: { method: 'Get' }, verb: 'POST', headers, query }],
    backends: [{ ...toNext, weight: 1 }],
  };
  const both = new Routed([route([canary, {}])]);
  const [first, second, ...others] = both.calls(get);
  t.deepEqual(others, []);
  t.deepEqual(
    [first, second].flatMap((each) => (each ? clustersOf(each) : [])).map(([name]) => name),
    ['outbound|bakery/next', 'outbound|bakery/a'],
  );
  t.deepEqual(
    first?.match?.headers.map(({ name, invertMatch }) => [name, invertMatch]),
    [
      [':method', false],
      ['x-user', false],
      ['x-n', true],
    ],
  );
  t.deepEqual(
    first?.match?.queryParameters.map(({ name }) => name),
    ['debug'],
  );
  t.is(second?.match?.headers.length, 0);
  t.is(both.calls(put).length, 1);
  const only = new Routed([route([canary])]);
  t.deepEqual(only.calls(put).map(answerOf), [[404, 'weft: no rule of its route matches this call']]);
  t.deepEqual(only.calls(get).map(answerOf), [undefined, [404, 'weft: no rule of its route matches this call']]);
});

test('an invalid backend answers its share with its status, and one that the caller may not call with 403', (t) => {
  const gone: Backend = { weight: 1, invalid: 'Service bakery/gone does not exist', status: 500 };
  const closed: Backend = { ...toA, service: 'bakery/closed', weight: 1 };
  const mixed = new Routed([route([{ backends: [gone, closed, { ...toA, weight: 2 }] }])]);
  const found = mixed.calls(get);
  t.deepEqual(found.map(answerOf), [
    [500, 'weft: Service bakery/gone does not exist'],
    [403, 'weft: its route leads to bakery/closed, which does not admit it'],
    undefined,
  ]);
  const shares = found.map(({ match }) => match?.runtimeFraction?.defaultValue?.numerator);
  t.deepEqual(shares, [250_000, 333_333, undefined]);
  const snapshot = mixed.compiler.snapshot('bakery/b-0');
  t.false(snapshot?.get(typeUrls.cluster)?.has('outbound|bakery/closed'));
  t.deepEqual(snapshot && missingReferences(snapshot), []);
  t.deepEqual(new Routed([route([{ backends: [gone] }])]).calls(get).map(answerOf), [
    [500, 'weft: Service bakery/gone does not exist'],
  ]);
  t.deepEqual(new Routed([route([{ backends: [] }])]).calls(get).map(answerOf), [
    [500, 'weft: its route has no backend'],
  ]);
});

test('times and retries only shorten what the contract says', (t) => {
  const rule = { timeouts: { requestMs: 2000, idleMs: 100 }, retry: { maxRetries: 9 } };
  const [short] = new Routed([route([rule])]).calls(put);
  const [long] = new Routed([route([{ timeouts: { requestMs: 3_600_000 } }])]).calls(put);
  t.is(short && actionOf(short).maxStreamDuration?.maxStreamDuration?.seconds, 2n);
  t.is(short && actionOf(short).idleTimeout?.nanos, 100_000_000);
  t.is(long && actionOf(long).maxStreamDuration?.maxStreamDuration?.seconds, 15n);
  const retries = short && actionOf(short).retryPolicy;
  t.is(
    retries?.retryOn,
    'connect-failure,refused-stream,reset-before-request,retriable-headers',
    'unsafe stays unsafe',
  );
});

test('a version of the contract is a token that its replicas bear', (t) => {
  const hash = contractHash(contracts.a);
  const pinned = new Routed([route([{ backends: [{ ...toA, weight: 1, contractVersion: hash }] }])]);
  const [found] = pinned.calls(get);
  t.deepEqual(found && actionOf(found).metadataMatch?.filterMetadata, { 'envoy.lb': { admits: `version ${hash}` } });
  const endpoints = fromBinary(ClusterLoadAssignmentSchema, pinned.body('endpoints', 'outbound|bakery/a'));
  t.deepEqual(endpoints.endpoints[0]?.lbEndpoints[0]?.metadata?.filterMetadata, {
    'envoy.lb': { admits: [`version ${hash}`] },
  });
});

test('session affinity hashes a header or a cookie over a ring', (t) => {
  const routed = new Routed([route([{ sessionAffinity: { cookie: 'weft', ttlMs: 60_000 } }])]);
  const [found] = routed.calls(get);
  const policy = found && actionOf(found).hashPolicy[0]?.policySpecifier;
  t.is(policy?.case === 'cookie' ? policy.value.name : undefined, 'weft');
  const lbPolicy = (name: string) => fromBinary(ClusterSchema, routed.body('cluster', name)).lbPolicy;
  t.not(lbPolicy('outbound|bakery/a'), lbPolicy('outbound|bakery/next'));
});

test('filters change headers and copy calls to a service that the caller may call', (t) => {
  const filters = [
    { is: 'requestHeaderModifier', set: { 'x-canary': '100%' }, remove: ['x-old'] } as const,
    { is: 'requestMirror', to: toNext, percent: 10 } as const,
    { is: 'requestMirror', to: { ...toA, service: 'bakery/closed' } } as const,
  ];
  const [found] = new Routed([route([{ filters }])]).calls(get);
  t.deepEqual(
    found?.requestHeadersToAdd.map(({ header }) => [header?.key, header?.value]),
    [['x-canary', '100%%']],
  );
  t.deepEqual(found?.requestHeadersToRemove, ['x-old']);
  const mirrors = found && actionOf(found).requestMirrorPolicies;
  t.deepEqual(
    mirrors?.map(({ cluster, runtimeFraction }) => [cluster, runtimeFraction?.defaultValue?.numerator]),
    [['outbound|bakery/next', 100_000]],
  );
});

test('at a gateway a route leads only to what contracts open to it, and others hold for what it leaves', (t) => {
  const canary = route(
    [{ matches: [{ grpc: { method: 'Get' }, headers: [{ name: 'x-canary' }] }], backends: [{ ...toNext, weight: 1 }] }],
    { gateway: 'edge' },
    ['a.example.com'],
  );
  const closed = route([{ backends: [{ ...toA, service: 'bakery/closed', weight: 1 }] }], { gateway: 'edge' });
  const hosts = new Routed([canary, closed]).hosts('gateway|edge', 'weft/edge-0');
  t.deepEqual(
    hosts.map(({ domains }) => domains),
    [['a.example.com'], ['*']],
  );
  const [own, rest] = hosts.map(({ routes }) =>
    routes
      .filter(({ name }) => name === get)
      .flatMap(clustersOf)
      .map(([name]) => name),
  );
  t.is(own?.[0], 'outbound|bakery/next');
  t.is(own?.[1], 'outbound|bakery/a');
  t.is(rest?.[0], 'outbound|bakery/a');
});

test('at a gateway a rule without a service answers, whatever is called', (t) => {
  const gone: Backend = { weight: 1, invalid: 'Service bakery/gone does not exist', status: 500 };
  const matches = [{ path: { pathSeparatedPrefix: '/gone' } }];
  const routed = new Routed([route([{ matches, backends: [gone] }], { gateway: 'edge' })]);
  const [first, second] = routed.hosts('gateway|edge', 'weft/edge-0')[0]?.routes ?? [];
  t.is(first?.match?.pathSpecifier.value, '/gone');
  t.deepEqual(first && answerOf(first), [500, 'weft: Service bakery/gone does not exist']);
  t.is(second?.name, get);
});

test('a port without methods is routed by paths, and is never repeated once it was delivered', (t) => {
  const directory = mesh();
  for (const name of ['x', 'y']) directory.service(name).replica(`${name}-0`, { inbound: '127.0.0.1:1003' });
  const [x, y] = ['bakery/x', 'bakery/y'] as const;
  const rules: Partial<Rule>[] = [
    { matches: [{ path: { pathSeparatedPrefix: '/v2' } }], backends: [{ service: y, port: 80, weight: 1 }], retry: {} },
    { backends: [{ service: x, port: 80, weight: 1 }], timeouts: { requestMs: 3000 } },
  ];
  const routed = new Routed([route(rules, { service: x, port: 80 })], directory);
  const routes = routed.hosts().find(({ name }) => name.startsWith('bakery/x'))?.routes ?? [];
  t.deepEqual(
    routes.map((each) => [each.match?.pathSpecifier.value, clustersOf(each)[0]?.[0]]),
    [
      ['/v2', 'outbound|bakery/y'],
      ['/', 'outbound|bakery/x'],
    ],
  );
  t.deepEqual(
    routes.map((each) => [actionOf(each).timeout?.seconds, actionOf(each).retryPolicy?.retryOn]),
    [
      [0n, 'connect-failure,refused-stream'],
      [3n, 'connect-failure,refused-stream'],
    ],
  );
});

test('a weight that changes computes the routes of those who call, and no target', (t) => {
  const weighed = (weight: number) =>
    route([
      {
        backends: [
          { ...toA, weight: 100 - weight },
          { ...toNext, weight },
        ],
      },
    ]);
  const routed = new Routed([weighed(10)]);
  const { turn, changes } = routed.compiler.turn(() => routed.routes.set('test 0', weighed(20)), 0);
  t.is(turn.computed.get('targets'), undefined);
  t.is(turn.computed.get('host of a target'), undefined);
  t.is(turn.computed.get('route resources of ports'), 1);
  t.is(turn.computed.get('virtual hosts'), 1);
  t.deepEqual(
    changes.map(({ proxies }) => [...proxies]),
    [['bakery/b-0']],
  );
});

test('a rewritten call is repeated as the method that it calls allows, and copied where that may be called', (t) => {
  const swap = (from: string, fullPath: string) => ({
    backends: [{ ...toA, service: 'bakery/retried' as const, weight: 1 }],
    matches: [{ path: { exact: from } }],
    filters: [
      { is: 'urlRewrite', path: { fullPath } } as const,
      { is: 'requestMirror', to: toNext } as const,
      { is: 'requestMirror', to: { ...toA, service: 'bakery/closed' } } as const,
    ],
  });
  const added = tinyPath('bakery.a', 'New');
  const routed = new Routed([
    route([swap(put, get), swap(get, put), { ...swap('/new', added), backends: [{ ...toNext, weight: 1 }] }]),
  ]);
  const routes = routed.hosts().find(({ name }) => name === 'bakery/a')?.routes ?? [];
  const found = routes.flatMap((each) => (each.action.case === 'route' && each.name !== 'unknown' ? [each] : []));
  t.deepEqual(
    found.map((each) => [
      each.match?.pathSpecifier.value,
      actionOf(each).prefixRewrite,
      actionOf(each).requestMirrorPolicies.map(({ cluster }) => cluster),
    ]),
    [
      [get, put, ['outbound|bakery/next']],
      [put, get, ['outbound|bakery/next']],
      ['/new', added, ['outbound|bakery/next']],
    ],
  );
  const retried = found.map((each) => actionOf(each).retryPolicy?.retriableHeaders.length);
  t.deepEqual(retried, [1, 2, 1], 'Get alone may be repeated once it was delivered');
});

test('where only some backends have the method that is called in the end, the share of the others gets 403', (t) => {
  const added = tinyPath('bakery.a', 'New');
  const backends = [
    { ...toA, weight: 1 },
    { ...toNext, weight: 3 },
  ];
  const filters = [{ is: 'urlRewrite', path: { fullPath: added } } as const];
  const [refused, sent] = new Routed([route([{ filters, backends }])]).calls(get);
  t.is(refused && answerOf(refused)?.[0], 403);
  t.is(refused?.match?.runtimeFraction?.defaultValue?.numerator, 250_000);
  t.is(sent, undefined, 'a call that is sent has the name of the method that it calls');
});

test('at a gateway a rewrite leads to no path that nobody or somebody else has there', (t) => {
  const foreign = tinyContract('bakery.a', { Get: safe }, { exposure: Exposure.EDGE });
  const filters = [{ is: 'urlRewrite', path: { prefix: '/' } } as const];
  const matches = [{ path: { pathSeparatedPrefix: '/shop' } }];
  const rewritten = (directory = mesh()) => {
    const routed = new Routed([route([{ matches, filters }], { gateway: 'edge' })], directory);
    const routes = routed.hosts('gateway|edge', 'weft/edge-0').flatMap((host) => host.routes);
    return routes
      .filter(({ action }) => action.case === 'route' && action.value.regexRewrite)
      .map((each) => [each.match?.pathSpecifier.value, each.name]);
  };
  t.deepEqual(rewritten(), [
    ['/shop', get],
    ['/shop', put],
  ]);
  // Two namespaces have the method at once, so that neither has it at the gateway.
  const packages = ['bakery', 'other'].map((namespace) => ({ namespace, protoPackage: 'bakery' }));
  const both = mesh({ packages }).contract('other', 'a', foreign).service('a', 'other');
  both.replica('a-0', { namespace: 'other', inbound: '127.0.0.1:1003', contract: contractHash(foreign) });
  t.deepEqual(rewritten(both), [['/shop', put]]);
});

test('at a gateway a rewrite leads to no path that the MeshConfig does not give to its service', (t) => {
  const filters = [{ is: 'urlRewrite', path: { prefix: '/' } } as const];
  const backends = [{ ...toA, service: 'bakery/x' as const, weight: 1 }];
  const kept = { matches: [{ path: { prefix: '/v1/' } }], backends };
  const rewritten = { matches: [{ path: { pathSeparatedPrefix: '/shop' } }], filters, backends };
  const found = (paths: readonly string[]) => {
    const directory = mesh({ exposure: [{ namespace: 'bakery', gateway: 'front', paths }] });
    directory.put('front.yaml', { kind: 'Gateway', metadata: { name: 'front' }, spec: {} });
    directory.put('weft/workloads/front-0.yaml', {
      kind: 'Workload',
      metadata: { namespace: 'weft', name: 'front-0' },
      spec: { serviceAccount: 'front', gateway: { name: 'front', listen: '127.0.0.1:8081' } },
      status: { ready: true },
    });
    directory.put('x-policy.yaml', {
      kind: 'MeshPolicy',
      metadata: { namespace: 'bakery', name: 'x' },
      spec: { service: 'x', methods: [{ path: '/v1/*', callers: ['front'] }] },
    });
    directory.service('x').replica('x-0', { inbound: '127.0.0.1:1003' });
    const routed = new Routed([route([kept, rewritten], { gateway: 'front' })], directory);
    const routes = routed.hosts('gateway|front', 'weft/front-0').flatMap((host) => host.routes);
    return routes
      .filter(({ name }) => name === '/v1/*')
      .map((each) => [each.match?.pathSpecifier.value, actionOf(each).regexRewrite?.substitution]);
  };
  t.deepEqual(found(['/v2']), []);
  // By the rules in their order, and once more where paths are, by how specific they are.
  t.deepEqual(found(['/']), [
    ['/v1/', undefined],
    ['/shop', '/'],
    ['/v1/', undefined],
  ]);
});

test('a redirect has no backends, and a rule that means nothing is a problem of its resource', (t) => {
  const redirect = { is: 'requestRedirect', scheme: 'https' } as const;
  const routed = new Routed([
    route([
      { matches: [{ grpc: { method: 'Get' } }], filters: [redirect], backends: [{ ...toNext, weight: 1 }] },
      { filters: [{ is: 'urlRewrite', path: { fullPath: 'x' } }] },
    ]),
  ]);
  t.is(routed.calls(get)[0]?.action.case, 'redirect');
  t.deepEqual(routed.calls(put).map(answerOf), [[500, 'weft: urlRewrite.path.fullPath of its route is "x"']]);
  t.deepEqual(
    routed.compiler.mesh.problems.map(({ resource, field }) => [resource, field]),
    [['Test bakery/route', 'rules[1].urlRewrite.path.fullPath']],
  );
});
