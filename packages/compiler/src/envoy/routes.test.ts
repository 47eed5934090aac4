import { fromBinary } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { Graph, type Source } from '@weft/collections';
import { Exposure } from '@weft/contracts/weft/policy/v1/policy';
import { ClusterSchema } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import { ClusterLoadAssignmentSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import type { Route as EnvoyRoute } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { factSources } from '../facts/fact-collections.ts';
import { MeshCompiler } from '../mesh-compiler.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import type { ServiceId, WorkloadId } from '../model/mesh.ts';
import { weftRef } from '../model/resource-ref.ts';
import type { Backend, Route, RouteParent, Rule } from '../model/route.ts';
import { MeshDirectory } from '../testing/mesh-directory.ts';
import { missingReferences } from '../testing/references.ts';
import { tinyContract, tinyPath } from '../testing/tiny-contract.ts';
import { typeUrls } from './resource.ts';

// A front end fills in routes; what Envoy makes of each of their parts is here.

const [get, put] = [tinyPath('shop.a', 'Get'), tinyPath('shop.a', 'Put')];
const safe = { level: Level.NO_SIDE_EFFECTS };
const open = { callers: ['shop.b'], exposure: Exposure.EDGE };
const contracts = {
  a: tinyContract('shop.a', { Get: safe, Put: {} }, open),
  next: tinyContract('shop.a', { Get: safe, Put: {}, New: {} }, open),
  closed: tinyContract('shop.a', { Get: safe, Put: {} }, { callers: ['shop.c'] }),
  b: tinyContract('shop.b', { Call: {} }),
};

function mesh(): MeshDirectory {
  const directory = new MeshDirectory();
  for (const [name, contract] of Object.entries(contracts)) {
    const at = { inbound: '127.0.0.1:1001', application: 'unix:/run/a', outbound: '127.0.0.1:1002' };
    directory.contract('shop', name, contract).service(name);
    directory.replica(`${name}-0`, { ...at, contract: contractHash(contract) });
  }
  return directory.edge('127.0.0.1:8080');
}

class Routed {
  readonly compiler: MeshCompiler;
  readonly routes: Source<Route>;
  constructor(routes: readonly Route[], directory = mesh()) {
    const graph = new Graph();
    const sources = factSources(graph);
    this.routes = graph.source<Route>('hand-filled routes');
    this.compiler = new MeshCompiler(graph, sources.facts, [this.routes]);
    const facts = parseDirectory(directory.files);
    this.compiler.turn(() => {
      sources.replace(facts);
      this.routes.replace(routes.map((route, at) => [`test ${at}`, route]));
      for (const { id } of facts.workloads) this.compiler.connect(id);
    }, 0);
  }

  body(typeUrl: keyof typeof typeUrls, name: string, id: WorkloadId = 'shop/b-0'): Uint8Array {
    const found = this.compiler.snapshot(id)?.get(typeUrls[typeUrl])?.get(name)?.body;
    if (found === undefined) throw new Error(`${id} has no ${typeUrl} ${name}`);
    return found;
  }

  hosts(name = 'outbound', id: WorkloadId = 'shop/b-0') {
    return fromBinary(RouteConfigurationSchema, this.body('route', name, id)).virtualHosts;
  }

  /** What Envoy does with the calls of shop.b to a path of shop/a, in order. */
  calls(path: string): EnvoyRoute[] {
    const host = this.hosts().find(({ name }) => name === 'shop/a');
    return host?.routes.filter(({ name }) => name === path) ?? [];
  }
}

const toA = { service: 'shop/a' as ServiceId, port: 80 };
const portOfA: RouteParent = toA;
const toNext = { ...toA, service: 'shop/next' as ServiceId };

function route(rules: readonly Partial<Rule>[], parent: RouteParent = portOfA, hostnames: string[] = []): Route {
  const complete = rules.map((rule) => ({ matches: [], filters: [], backends: [{ ...toA, weight: 1 }], ...rule }));
  return { parent, hostnames, rules: complete, origin: { is: 'resource', ref: weftRef('Test', 'route', 'shop') } };
}

function answerOf({ action }: EnvoyRoute) {
  if (action.case !== 'directResponse') return undefined;
  return [action.value.status, action.value.body?.specifier.value];
}

function actionOf({ action }: EnvoyRoute) {
  if (action.case !== 'route') throw new Error(`no route but ${action.case}`);
  return action.value;
}

function clustersOf(found: EnvoyRoute): readonly (readonly [string, number])[] {
  const { clusterSpecifier } = actionOf(found);
  if (clusterSpecifier.case === 'cluster') return [[clusterSpecifier.value, 1]];
  if (clusterSpecifier.case !== 'weightedClusters') return [];
  return clusterSpecifier.value.clusters.map(({ name, weight = 0 }) => [name, weight]);
}

test('weights share calls out among backends, and 0 gets none', (t) => {
  const backends = [
    { ...toA, weight: 90 },
    { ...toNext, weight: 10 },
  ];
  const split = new Routed([route([{ backends }])]);
  t.deepEqual(split.calls(get).map(clustersOf), [
    [
      ['outbound|shop/a', 90],
      ['outbound|shop/next', 10],
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
  t.deepEqual(all.calls(get).map(clustersOf), [[['outbound|shop/next', 1]]]);
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
    ['outbound|shop/next', 'outbound|shop/a'],
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
  const gone: Backend = { weight: 1, invalid: 'Service shop/gone does not exist', status: 500 };
  const closed: Backend = { ...toA, service: 'shop/closed', weight: 1 };
  const mixed = new Routed([route([{ backends: [gone, closed, { ...toA, weight: 2 }] }])]);
  const found = mixed.calls(get);
  t.deepEqual(found.map(answerOf), [
    [500, 'weft: Service shop/gone does not exist'],
    [403, 'weft: its route leads to shop/closed, which does not admit it'],
    undefined,
  ]);
  const shares = found.map(({ match }) => match?.runtimeFraction?.defaultValue?.numerator);
  t.deepEqual(shares, [250_000, 333_333, undefined]);
  const snapshot = mixed.compiler.snapshot('shop/b-0');
  t.false(snapshot?.get(typeUrls.cluster)?.has('outbound|shop/closed'));
  t.deepEqual(snapshot && missingReferences(snapshot), []);
  t.deepEqual(new Routed([route([{ backends: [gone] }])]).calls(get).map(answerOf), [
    [500, 'weft: Service shop/gone does not exist'],
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
  const endpoints = fromBinary(ClusterLoadAssignmentSchema, pinned.body('endpoints', 'outbound|shop/a'));
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
  t.not(lbPolicy('outbound|shop/a'), lbPolicy('outbound|shop/next'));
});

test('filters change headers and copy calls to a service that the caller may call', (t) => {
  const filters = [
    { is: 'requestHeaderModifier', set: { 'x-canary': '100%' }, remove: ['x-old'] } as const,
    { is: 'requestMirror', to: toNext, percent: 10 } as const,
    { is: 'requestMirror', to: { ...toA, service: 'shop/closed' } } as const,
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
    [['outbound|shop/next', 100_000]],
  );
});

test('at a gateway a route leads only to what contracts open to it, and others hold for what it leaves', (t) => {
  const canary = route(
    [{ matches: [{ grpc: { method: 'Get' }, headers: [{ name: 'x-canary' }] }], backends: [{ ...toNext, weight: 1 }] }],
    { gateway: 'edge' },
    ['a.example.com'],
  );
  const closed = route([{ backends: [{ ...toA, service: 'shop/closed', weight: 1 }] }], { gateway: 'edge' });
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
  t.is(own?.[0], 'outbound|shop/next');
  t.is(own?.[1], 'outbound|shop/a');
  t.is(rest?.[0], 'outbound|shop/a');
});

test('at a gateway a rule without a service answers, whatever is called', (t) => {
  const gone: Backend = { weight: 1, invalid: 'Service shop/gone does not exist', status: 500 };
  const matches = [{ path: { pathSeparatedPrefix: '/gone' } }];
  const routed = new Routed([route([{ matches, backends: [gone] }], { gateway: 'edge' })]);
  const [first, second] = routed.hosts('gateway|edge', 'weft/edge-0')[0]?.routes ?? [];
  t.is(first?.match?.pathSpecifier.value, '/gone');
  t.deepEqual(first && answerOf(first), [500, 'weft: Service shop/gone does not exist']);
  t.is(second?.name, get);
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
    [['shop/b-0']],
  );
});
