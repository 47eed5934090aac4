import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import type { ServiceId } from '@weft/compiler/model/mesh';
import { weftRef } from '@weft/compiler/model/resource-ref';
import type { PathMatch, Route, RouteParent, Rule, RuleFilter, RuleMatch } from '@weft/compiler/model/route';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import anyTest, { type TestFn } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { type Behaviour, type RawApplication, startRawApplication } from './testing/raw-application.ts';
import { type RawAnswer, RawCaller } from './testing/raw-call.ts';
import { type RunningBakery, runBakery } from './testing/running-bakery.ts';

// Applications answer with the path, the host name and the time that they were given.

interface Context {
  readonly bakery: RunningBakery;
  readonly others: readonly RawApplication[];
  readonly edge: RawCaller;
  readonly front: RawCaller;
}

const test = anyTest as TestFn<Context>;
const [get, put, admin, slow] = ['Get', 'Put', 'Admin', 'Slow'].map((name) => tinyPath('bakery.a', name)) as [
  string,
  string,
  string,
  string,
];
const own = tinyPath('bakery.a', '');
const safe = { level: Level.NO_SIDE_EFFECTS };
const contracts = {
  a: tinyContract(
    'bakery.a',
    {
      Get: { ...safe, policy: { deadline: { seconds: 7n } } },
      Put: { policy: { deadline: { seconds: 3n } } },
      Slow: { ...safe, policy: { deadline: { nanos: 200_000_000 } } },
      Admin: { policy: { callers: { names: ['bakery.c'] }, exposure: Exposure.NONE } },
    },
    { callers: ['bakery.b'], exposure: Exposure.EDGE },
  ),
  b: tinyContract('bakery.b', { Call: {} }, { calls: ['bakery.a'] }),
};
const at = (name: string) => ({ service: `bakery/${name}` as ServiceId, port: 80 });
const ofEdge = { gateway: 'edge' };

const echo =
  (name: string): Behaviour =>
  (stream, headers) => {
    const seen = { 'x-name': name, 'x-path': headers[':path'], 'x-host': headers[':authority'] };
    stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': '0',
        ...seen,
        'x-time': headers['grpc-timeout'] ?? '',
      },
      { endStream: true },
    );
  };

test.before(async (t) => {
  t.timeout(60_000);
  const bakery = await runBakery(contracts, { edge: true });
  const others: RawApplication[] = [];
  const edge = new RawCaller(bakery.edge?.address ?? '');
  Object.assign(t.context, { bakery, others, edge });
  bakery.replica('a-0').application.behaviour = echo('a');
  // "plain" is open to its namespace, and "legacy" has paths by a policy.
  for (const name of ['plain', 'legacy']) {
    const [inbound] = await freePorts(1);
    const application = `${bakery.mesh.dir}/${name}.app`;
    others.push(await startRawApplication(application, echo(name)));
    bakery.directory
      .service(name)
      .replica(`${name}-0`, { inbound: `127.0.0.1:${inbound}`, application: `unix:${application}` });
  }
  // The edge serves only what a contract describes; another gateway is a caller like others.
  const [listen] = await freePorts(1);
  bakery.directory
    .put('front.yaml', { kind: 'Gateway', metadata: { name: 'front' }, spec: {} })
    .put('weft/workloads/edge-1.yaml', {
      kind: 'Workload',
      metadata: { namespace: 'weft', name: 'edge-1' },
      spec: { serviceAccount: 'front', gateway: { name: 'front', listen: `127.0.0.1:${listen}` } },
      status: { ready: true },
    });
  const front = new RawCaller(`127.0.0.1:${listen}`);
  Object.assign(t.context, { front });
  bakery.directory.put('legacy-policy.yaml', {
    kind: 'MeshPolicy',
    metadata: { namespace: 'bakery', name: 'legacy' },
    spec: {
      service: 'legacy',
      methods: [
        { path: '/v1/*', callers: ['bakery.b', 'front'] },
        { path: '/v1/admin', callers: [] },
      ],
    },
  });
  await bakery.apply();
  for (const id of ['bakery/plain-0', 'bakery/legacy-0', 'weft/edge-1'] as const) await bakery.mesh.startProxy(id);
});

test.after.always(async (t) => {
  const { bakery, others, edge, front } = t.context;
  edge?.close();
  front?.close();
  await Promise.all((others ?? []).map((application) => application.away()));
  await bakery?.stop();
});

function route(parent: RouteParent, rules: readonly Partial<Rule>[], backend = 'plain'): Route {
  const complete = rules.map((rule) => ({
    matches: [],
    filters: [],
    backends: [{ ...at(backend), weight: 1 }],
    ...rule,
  }));
  return {
    parent,
    hostnames: [],
    rules: complete,
    origin: { is: 'resource', ref: weftRef('Test', 'route', 'bakery') },
  };
}

/** Makes these routes all that there are; no proxy may refuse one. */
async function apply(t: { context: Context; deepEqual(a: unknown, b: unknown): void }, routes: readonly Route[]) {
  const { bakery } = t.context;
  bakery.mesh.compiler.routes = routes;
  await bakery.apply();
  t.deepEqual(
    bakery.mesh.nacks.map(({ message }) => message),
    [],
  );
}

/** Who was called, by which path. */
function seen({ status, headers, grpcStatus, grpcMessage }: RawAnswer): string {
  return headers['x-name'] === undefined
    ? `${status} ${grpcStatus ?? ''} ${grpcMessage ?? ''}`.trim()
    : `${headers['x-name']} ${headers['x-path']}`;
}

const rewrite = (path: { fullPath: string } | { prefix: string }, hostname?: string): RuleFilter => ({
  is: 'urlRewrite',
  path,
  ...(hostname === undefined ? {} : { hostname }),
});

const rewrites: readonly (readonly [path: string, match: PathMatch | undefined, RuleFilter, to: string])[] = [
  ['/e1/a?x=/e1', { pathSeparatedPrefix: '/e1' }, rewrite({ prefix: '/xyz/' }), '/xyz/a?x=/e1'],
  ['/e2', { pathSeparatedPrefix: '/e2' }, rewrite({ prefix: '/' }), '/'],
  ['/e2/', { pathSeparatedPrefix: '/e2' }, rewrite({ prefix: '' }), '/'],
  ['/e2/a/e2/b', { pathSeparatedPrefix: '/e2' }, rewrite({ prefix: '/' }), '/a/e2/b'],
  ['/e2?a', { pathSeparatedPrefix: '/e2' }, rewrite({ prefix: '/' }), '/?a'],
  ['/e3/a%20b%2Fc?q=%3F', { pathSeparatedPrefix: '/e3/' }, rewrite({ prefix: '/%2F' }), '/%2F/a%20b%2Fc?q=%3F'],
  ['/p1/a', { prefix: '/p1/' }, rewrite({ prefix: '/' }), '/a'],
  ['/p2/a', { prefix: '/p2' }, rewrite({ prefix: '/' }), '/a'],
  ['/p2beta/a?', { prefix: '/p2' }, rewrite({ prefix: '/' }), '/beta/a?'],
  ['/p2', { prefix: '/p2' }, rewrite({ prefix: '/x/' }), '/x/'],
  ['/p3.(a)/b', { prefix: '/p3.(a)/' }, rewrite({ prefix: '/$1/' }), '/$1/b'],
  ['/x1', { exact: '/x1' }, rewrite({ fullPath: '/$&/1' }), '/$&/1'],
  ['/x1?q=1', { exact: '/x1' }, rewrite({ fullPath: '/2' }), '/2?q=1'],
  ['/r1/a/b?q=1', { regex: '/r1/[a-z]/b' }, rewrite({ fullPath: '/r' }), '/r?q=1'],
  ['/f1/a/b/c', { pathSeparatedPrefix: '/f1' }, rewrite({ fullPath: '/f/' }), '/f/'],
  ['/anything?q', undefined, rewrite({ prefix: '/all' }), '/all/anything?q'],
];

test.serial('paths of calls to a service are rewritten, and queries stay', async (t) => {
  const caller = t.context.bakery.replica('b-0').caller;
  for (const [path, match, filter, to] of rewrites) {
    await apply(t, [route(at('plain'), [{ matches: match ? [{ path: match }] : [], filters: [filter] }])]);
    t.is(seen(await caller.call({ authority: 'plain', path })), `plain ${to}`, path);
  }
});

test.serial('a host name is rewritten, also where calls are split and their headers change by backend', async (t) => {
  const caller = t.context.bakery.replica('b-0').caller;
  const filters = [rewrite({ prefix: '/n' }, 'other.example.com')];
  const backends = [
    { ...at('plain'), weight: 1 },
    {
      ...at('legacy'),
      weight: 1_000_000,
      filters: [{ is: 'responseHeaderModifier', set: { 'x-by': 'legacy' } } as const],
    },
  ];
  const matches = [{ path: { pathSeparatedPrefix: '/o' } }];
  await apply(t, [
    route(at('plain'), [{ matches, filters: [rewrite({ prefix: '/v1' }, 'other.example.com')], backends }]),
  ]);
  const split = await caller.call({ authority: 'plain', path: '/o/a' });
  t.is(seen(split), 'legacy /v1/a');
  t.deepEqual([split.headers['x-host'], split.headers['x-by']], ['other.example.com', 'legacy']);
  await apply(t, [route(at('plain'), [{ filters }])]);
  t.is((await caller.call({ authority: 'plain', path: '/' })).headers['x-host'], 'other.example.com');
});

test.serial(
  'a rewritten call has the time of the method that it calls, and calls nothing that its caller may not',
  async (t) => {
    const caller = t.context.bakery.replica('b-0').caller;
    const exact = (path: string, to: string): Partial<Rule> => ({
      matches: [{ path: { exact: path } }],
      filters: [rewrite({ fullPath: to })],
    });
    const old = { path: { pathSeparatedPrefix: '/old.v1.TestService' } };
    const renamed = { matches: [old], filters: [rewrite({ prefix: own })] };
    const rules = [exact(put, get), exact('/admin', admin), exact('/slow', slow), exact(slow, admin), renamed, {}];
    await apply(t, [route(at('a'), rules, 'a')]);
    const call = (path: string) => caller.call({ authority: 'bakery.a', path });
    const swapped = await call(put);
    t.is(seen(swapped), `a ${get}`);
    t.is(swapped.headers['x-time'], '7000m');
    t.is(seen(await call(get)), `a ${get}`);
    t.is(seen(await call('/old.v1.TestService/Put')), `a ${put}`);
    t.is((await call('/old.v1.TestService/Put')).headers['x-time'], '3000m');
    t.is(seen(await call(slow)), '200 7 weft: its route leads to bakery/a, which does not admit it');
    t.is((await call('/admin')).grpcStatus, '7');
    t.is((await call('/old.v1.TestService/Admin')).grpcStatus, '12');
    t.is((await call('/old.v1.TestService/Nothing')).grpcStatus, '12');
    const { application } = t.context.bakery.replica('a-0');
    application.behaviour = (stream) => stream.resume();
    t.is((await call('/slow')).grpcStatus, '4');
    application.behaviour = echo('a');
  },
);

test.serial('a service without methods sends calls to methods of others, by their contracts', async (t) => {
  const caller = t.context.bakery.replica('b-0').caller;
  const matches = [{ path: { pathSeparatedPrefix: '/api' } }];
  await apply(t, [route(at('plain'), [{ matches, filters: [rewrite({ prefix: own })] }], 'a')]);
  const call = (path: string) => caller.call({ authority: 'plain', path });
  const put3 = await call('/api/Put');
  t.is(seen(put3), `a ${put}`);
  t.is(put3.headers['x-time'], '3000m');
  t.is((await call('/api/Admin')).grpcStatus, '7');
  t.is(seen(await call('/other')), '200 12 weft: no rule of its route matches this call');
});

test.serial('the callee judges the path that a call has in the end', async (t) => {
  const caller = t.context.bakery.replica('b-0').caller;
  const matches = [{ path: { pathSeparatedPrefix: '/api' } }];
  await apply(t, [route(at('plain'), [{ matches, filters: [rewrite({ prefix: '/v1' })] }], 'legacy')]);
  const call = (path: string) => caller.call({ authority: 'plain', path });
  t.is(seen(await call('/api/users?q=1')), 'legacy /v1/users?q=1');
  t.is(seen(await call('/api')), 'legacy /v1');
  t.is((await call('/api/admin')).grpcStatus, '7');
  t.is((await call('/api/%61dmin')).grpcStatus, '7');
});

test.serial('at a gateway a rewrite reaches what may be called from there, and nothing else', async (t) => {
  const { edge, front } = t.context;
  const to = (path: string, prefix: string, service: string): Partial<Rule> => ({
    matches: [{ path: { prefix: path } }],
    filters: [rewrite({ prefix }, `${service}.bakery.svc.cluster.local`)],
    backends: [{ ...at(service), weight: 1 }],
  });
  const rules = [
    to('/shop/', '/', 'a'),
    to('/legacy/', '/v1/', 'legacy'),
    to('/all/', '/', 'legacy'),
    to('/plain/', '/', 'plain'),
    { matches: [{ path: { pathSeparatedPrefix: '/v1/kept' } }], backends: [{ ...at('legacy'), weight: 1 }] },
    to('/v1', '/v1/below', 'legacy'),
    { filters: [{ is: 'requestRedirect', hostname: 'elsewhere.example.com' } as const] },
  ];
  await apply(t, [route(ofEdge, rules.slice(0, 4)), route({ gateway: 'front' }, rules)]);
  const call = (path: string, caller = edge) => caller.call({ authority: 'edge', path });
  const found = await call(`/shop${get}`);
  t.is(seen(found), `a ${get}`);
  t.deepEqual([found.headers['x-host'], found.headers['x-time']], ['a.bakery.svc.cluster.local', '7000m']);
  for (const closed of [`/shop${admin}`, '/shop/', '/legacy/users', '/all/v1/users', '/plain/', '/plain/v1', admin]) {
    t.is((await call(closed)).grpcStatus, '12', closed);
  }
  // What contracts expose is still there.
  t.is(seen(await call(put)), `a ${put}`);

  t.is(seen(await call('/legacy/users?q=1', front)), 'legacy /v1/users?q=1');
  t.is(seen(await call('/all/v1/users', front)), 'legacy /v1/users');
  t.is(seen(await call('/v1/kept/a', front)), 'legacy /v1/kept/a');
  t.is(seen(await call('/v1/a', front)), 'legacy /v1/below/a');
  for (const closed of ['/legacy/admin', '/all/v1/admin', '/legacy/ADMIN']) {
    t.is((await call(closed, front)).grpcStatus, '7', closed);
  }
  for (const other of ['/other', `/shop${get}`, '/all/admin', '/plain/v1']) {
    const { headers } = await call(other, front);
    t.is(headers.location, `http://elsewhere.example.com${other}`);
  }
});

const redirects: readonly (readonly [
  url: string,
  match: RuleMatch,
  Omit<Extract<RuleFilter, { is: 'requestRedirect' }>, 'is'>,
  to: string,
])[] = [
  ['edge/r?q=1', { path: { pathSeparatedPrefix: '/r' } }, {}, '302 http://edge/r?q=1'],
  ['edge:8080/r', {}, { scheme: 'https' }, '302 https://edge:443/r'],
  ['edge/r', {}, { scheme: 'https', statusCode: 301 }, '301 https://edge/r'],
  ['edge:8080/r', {}, { scheme: 'https', hostname: 'a.example.com', statusCode: 308 }, '308 https://a.example.com/r'],
  ['edge/r', {}, { scheme: 'https', port: 8443, statusCode: 307 }, '307 https://edge:8443/r'],
  ['edge/r', {}, { port: 80, statusCode: 303 }, '303 http://edge/r'],
  ['edge/r', {}, { scheme: 'https', port: 443 }, '302 https://edge/r'],
  ['edge/r', {}, { port: 443 }, '302 http://edge:443/r'],
  ['edge/r', {}, { hostname: 'a.example.com', port: 8080 }, '302 http://a.example.com:8080/r'],
  ['edge/r/a?q=1', { path: { pathSeparatedPrefix: '/r' } }, { path: { prefix: '/' } }, '302 http://edge/a?q=1'],
  ['edge/r?q=/r', { path: { pathSeparatedPrefix: '/r' } }, { path: { prefix: '/x' } }, '302 http://edge/x?q=/r'],
  ['edge/r/a?q=1', { path: { prefix: '/r/' } }, { path: { fullPath: '/$1%20' } }, '302 http://edge/$1%20?q=1'],
  [`edge${get}?q=1`, { path: { prefix: '/' } }, { path: { prefix: '/x' } }, `302 http://edge/x${get}?q=1`],
];

test.serial('a redirect says where to call instead, whoever is behind it', async (t) => {
  const filters = (redirect: (typeof redirects)[number][2]): RuleFilter[] => [
    { is: 'requestRedirect', ...redirect },
    { is: 'responseHeaderModifier', set: { 'x-by': 'rule' } },
  ];
  const callers = [
    [ofEdge, t.context.edge, 'edge'],
    [at('plain'), t.context.bakery.replica('b-0').caller, 'plain'],
    [at('a'), t.context.bakery.replica('b-0').caller, 'bakery.a'],
  ] as const;
  for (const [url, match, redirect, to] of redirects) {
    await apply(
      t,
      callers.map(([parent]) => route(parent, [{ matches: [match], filters: filters(redirect) }], 'a')),
    );
    const path = url.slice(url.indexOf('/'));
    for (const [, caller, host] of callers) {
      const authority = url.slice(0, url.indexOf('/')).replace('edge', host);
      if (host !== 'edge' && authority.includes(':')) continue;
      const { status, headers } = await caller.call({
        authority,
        path,
        headers: { 'content-type': 'text/plain' },
        body: '',
      });
      t.is(`${status} ${headers.location}`, to.replace('//edge', `//${host}`), `${authority}${path}`);
      t.is(headers['x-by'], 'rule');
    }
  }
});

test.serial('a rule that Envoy would refuse answers, and stops no other', async (t) => {
  const { bakery, edge } = t.context;
  const bad: readonly Partial<Rule>[] = [
    { filters: [rewrite({ fullPath: '/a\r\nb' })] },
    { filters: [rewrite({ fullPath: `/${'a'.repeat(2000)}` })] },
    { filters: [rewrite({ prefix: '/\\1' })] },
    { filters: [rewrite({ prefix: '/' }, 'a b')] },
    { filters: [{ is: 'requestRedirect', hostname: 'a\u0000b' }] },
    { filters: [{ is: 'requestRedirect', port: 70_000 }] },
  ];
  const rules = bad.map((rule, index) => ({ ...rule, matches: [{ path: { pathSeparatedPrefix: `/bad${index}` } }] }));
  await apply(t, [route(at('plain'), [...rules, {}]), route(ofEdge, rules)]);
  const callers = [
    [bakery.replica('b-0').caller, 'plain'],
    [edge, 'edge'],
  ] as const;
  for (const index of bad.keys()) {
    for (const [caller, authority] of callers) {
      const headers = { 'content-type': 'text/plain' };
      t.is(
        (await caller.call({ authority, path: `/bad${index}`, headers, body: '' })).status,
        500,
        `${authority} ${index}`,
      );
    }
  }
  t.is(seen(await bakery.replica('b-0').caller.call({ authority: 'plain', path: '/good' })), 'plain /good');
  const told = bakery.mesh.compiler.mesh.problems.filter(({ resource }) => resource === 'Test bakery/route');
  t.is(told.length, 2 * bad.length);
});

test.serial('weights of many backends are in proportion, whatever their sum', async (t) => {
  const caller = t.context.bakery.replica('b-0').caller;
  const heavy = Array.from({ length: 5000 }, () => ({ ...at('plain'), weight: 1_000_000 }));
  const zero = [{ ...at('plain'), weight: 0 }];
  await apply(t, [
    route(at('plain'), [
      { matches: [{ path: { exact: '/none' } }], backends: zero },
      { backends: [...heavy, { ...at('legacy'), weight: 1 }] },
    ]),
  ]);
  t.is(seen(await caller.call({ authority: 'plain', path: '/v1' })), 'plain /v1');
  const headers = { 'content-type': 'text/plain' };
  t.is((await caller.call({ authority: 'plain', path: '/none', headers, body: '' })).status, 500);
});
