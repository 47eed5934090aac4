import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import type { Mesh } from '../model/mesh.ts';
import { admission, type Method } from '../model/method.ts';
import { effectWords } from '../model/override-effect.ts';
import { weftRef } from '../model/resource-ref.ts';
import { DirectoryCompiler } from '../testing/directory-compiler.ts';
import { withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { tinyContract } from '../testing/tiny-contract.ts';
import { assemble } from './assemble.ts';

const orders = descriptorSet('bakery.orders');
const payments = descriptorSet('bakery.payments');
const nowMs = Date.parse('2026-06-01T12:00:00Z');
const hourMs = 3_600_000;
const at = (ms: number) => new Date(ms).toISOString();

function directory(): MeshDirectory {
  return (
    new MeshDirectory()
      .contract('bakery', 'bakery.orders', orders)
      .contract('bakery', 'bakery.payments', payments)
      // Names that policies may give.
      .contract('bakery', 'bakery.support', tinyContract('bakery.support', { Call: {} }))
      .contract('bakery', 'bakery.catalog', tinyContract('bakery.catalog', { Call: {} }))
      .service('orders')
      .service('payments')
      .replica('orders-0', { contract: contractHash(orders), inbound: '127.0.0.1:1001', application: 'unix:/run/a' })
      .replica('payments-0', {
        contract: contractHash(payments),
        inbound: '127.0.0.1:1002',
        application: 'unix:/run/b',
      })
  );
}

function policy(spec: object, name = 'p', namespace = 'bakery') {
  return [`user/${namespace}.${name}.yaml`, { kind: 'MeshPolicy', metadata: { namespace, name }, spec }] as const;
}

function override(spec: object, name = 'o', createdMs: number | undefined = nowMs) {
  const creationTimestamp = createdMs === undefined ? {} : { creationTimestamp: at(createdMs) };
  return [
    `user/${name}.yaml`,
    { kind: 'MeshOverride', metadata: { namespace: 'bakery', name, ...creationTimestamp }, spec },
  ] as const;
}

const mesh = (files: MeshDirectory, when = nowMs) => assemble(parseDirectory(files.files), when);
const authorize = '/bakery.payments.v1.PaymentService/Authorize';
const getOrder = '/bakery.orders.v1.OrderService/GetOrder';
const placeOrder = '/bakery.orders.v1.OrderService/PlaceOrder';

/** What callers see and what the sidecars of its replicas enforce, which must agree. */
function both(found: Mesh, service: 'bakery/orders' | 'bakery/payments', path: string): Method {
  const seen = found.services.get(service)?.methods.get(path);
  const enforced = [...(found.services.get(service)?.versions.values() ?? [])][0]?.methods.get(path);
  if (seen === undefined || JSON.stringify(print(seen)) !== JSON.stringify(print(enforced)))
    throw new Error(`${path}: two policies`);
  return seen;
}

const print = (method: Method | undefined) => method && { ...method, callers: [...method.callers] };
const messages = (found: Mesh) =>
  found.problems.map(({ resource, field, message }) => `${resource} ${field}: ${message}`);

test('MeshPolicy: adds a caller to a contract, and says so', (t) => {
  const found = mesh(
    directory().put(...policy({ service: 'payments', methods: [{ path: authorize, addCallers: ['bakery.support'] }] })),
  );
  t.deepEqual(found.problems, []);
  const method = both(found, 'bakery/payments', authorize);
  t.deepEqual([...method.callers], ['bakery.orders', 'bakery.support']);
  t.deepEqual(method.origins.callers, { is: 'resource', ref: weftRef('MeshPolicy', 'p', 'bakery') });
  t.deepEqual(method.origins.deadlineMs, both(mesh(directory()), 'bakery/payments', authorize).origins.deadlineMs);
});

test('MeshPolicy: sets what a contract sets, for all methods that it fits or for one', (t) => {
  const spec = {
    service: 'orders',
    maxConcurrentRequests: 7,
    retryBudget: { percent: 5 },
    defaults: { deadline: '900ms', idleTimeout: '2m', rateLimits: [{ caller: '*', requests: 3 }] },
    methods: [
      {
        path: getOrder,
        deadline: '300ms',
        retry: { codes: ['UNAVAILABLE'], maxRetries: 1 },
        objective: { percent: 99, within: '1s' },
      },
    ],
  };
  const found = mesh(directory().put(...policy(spec)));
  t.deepEqual(found.problems, []);
  t.like(both(found, 'bakery/orders', getOrder), {
    deadlineMs: 300,
    retry: { codes: ['unavailable'], maxRetries: 1, baseBackoffMs: 25, maxBackoffMs: 250 },
    rateLimits: [{ caller: '*', requests: 3, perMs: 1000 }],
    objective: { percent: 99, withinMs: 1000 },
  });
  t.like(both(found, 'bakery/orders', placeOrder), { deadlineMs: 900 });
  t.like(both(found, 'bakery/orders', '/bakery.orders.v1.OrderService/WatchOrder'), {
    idleTimeoutMs: 120_000,
    deadlineMs: undefined,
  });
  const service = found.services.get('bakery/orders');
  t.deepEqual(service?.retryBudget, { percent: 5, minConcurrent: 25 });
  t.is([...(service?.versions.values() ?? [])][0]?.maxConcurrentRequests, 7);
});

test('MeshPolicy: makes no unsafe method retry, and says which field', (t) => {
  const unsafe = withPolicy(orders, 'PlaceOrder', { idempotencyKey: undefined, retry: undefined });
  const files = directory()
    .contract('bakery', 'bakery.orders', unsafe)
    .replica('orders-0', { contract: contractHash(unsafe), inbound: '127.0.0.1:1001', application: 'unix:/run/a' });
  const found = mesh(files.put(...policy({ service: 'orders', methods: [{ path: placeOrder, retry: {} }] })));
  t.is(both(found, 'bakery/orders', placeOrder).retry, undefined);
  t.deepEqual(messages(found), [
    `MeshPolicy bakery/p (user/bakery.p.yaml) spec.methods[0].retry: ${placeOrder}: retry on a method that may not be repeated; only its contract can say that it may`,
  ]);
  // Said for all methods, it counts for those that may be repeated.
  const shared = mesh(files.put(...policy({ service: 'orders', defaults: { retry: { maxRetries: 4 } } })));
  t.deepEqual(shared.problems, []);
  t.is(both(shared, 'bakery/orders', placeOrder).retry, undefined);
  t.is(both(shared, 'bakery/orders', getOrder).retry?.maxRetries, 4);
});

test('MeshPolicy: counts in its own namespace only', (t) => {
  const found = mesh(directory().put(...policy({ service: 'payments', callers: ['evil.service'] }, 'p', 'thieves')));
  t.deepEqual([...both(found, 'bakery/payments', authorize).callers], ['bakery.orders']);
  t.deepEqual(messages(found), [
    'MeshPolicy thieves/p (user/thieves.p.yaml) spec.service: there is no Service thieves/payments; it has no effect',
  ]);
});

test('MeshPolicy, MeshOverride: a Service that is not there, and which of the namespace may be meant', (t) => {
  const found = mesh(
    directory()
      .put(...policy({ service: 'payment', callers: ['bakery.orders'] }))
      .put(...override({ service: 'order', deny: ['bakery.orders'] })),
  );
  t.deepEqual(messages(found), [
    'MeshPolicy bakery/p (user/bakery.p.yaml) spec.service: there is no Service bakery/payment; it has no effect. Did you mean bakery/payments?',
    'MeshOverride bakery/o (user/o.yaml) spec.service: there is no Service bakery/order; it has no effect. Did you mean bakery/orders?',
  ]);
  t.deepEqual(
    [...found.overrides].map(({ state }) => state),
    ['refused'],
  );
});

test('MeshPolicy: of two that set one field the first by name counts, and the other is named', (t) => {
  const found = mesh(
    directory()
      .put(...policy({ service: 'orders', methods: [{ path: getOrder, deadline: '1s' }] }, 'b'))
      .put(...policy({ service: 'orders', methods: [{ path: getOrder, deadline: '2s' }] }, 'a')),
  );
  t.is(both(found, 'bakery/orders', getOrder).deadlineMs, 2000);
  t.deepEqual(messages(found), [
    'MeshPolicy bakery/b (user/bakery.b.yaml) bakery.orders.v1.OrderService/GetOrder: deadline is also set by MeshPolicy bakery/a, which comes first by name and counts',
  ]);
});

test('MeshPolicy: gives a service without a contract its methods', (t) => {
  const files = directory()
    .service('legacy')
    .replica('legacy-0', { inbound: '127.0.0.1:1003', application: '127.0.0.1:3000' })
    .put(
      ...policy({
        service: 'legacy',
        callers: ['bakery.orders'],
        methods: [
          { path: '/v1/*' },
          { path: '/v1/users', deadline: '1s', idempotency: 'noSideEffects', retry: {} },
          { path: '/v1/feed/*', kind: 'stream' },
        ],
      }),
    );
  const found = mesh(files);
  t.deepEqual(found.problems, []);
  const service = found.services.get('bakery/legacy');
  t.is(service?.logicalName, undefined);
  t.deepEqual([...(service?.methods.keys() ?? [])], ['/v1/users', '/v1/feed/*', '/v1/*']);
  t.like(service?.methods.get('/v1/*'), { safety: 'unsafe', deadlineMs: 15_000, retry: undefined });
  t.like(service?.methods.get('/v1/feed/*'), { deadlineMs: undefined, idleTimeoutMs: 3_600_000 });
  t.deepEqual(service?.versions.get('')?.methods, service?.methods);
});

test('MeshPolicy: a field that is wrong is named with its line, and the last good form stays', (t) => {
  const found = mesh(directory().put(...policy({ service: 'orders', defaults: { deadline: 'soon' } })));
  t.regex(messages(found)[0] ?? '', /^user\/bakery\.p\.yaml spec\.defaults\.deadline: line \d+: is "soon"$/);
});

test('MeshOverride: denies a caller, keeps what his proxy needs, and is the last word', (t) => {
  const found = mesh(
    directory()
      .put(...policy({ service: 'payments', addCallers: ['bakery.support'] }))
      .put(...override({ service: 'payments', methods: [authorize], deny: ['bakery.orders'] })),
  );
  t.deepEqual(found.problems, []);
  const method = both(found, 'bakery/payments', authorize);
  t.deepEqual([...method.callers], ['bakery.support']);
  t.deepEqual([...(method.denied ?? [])], ['bakery.orders']);
  // Whom it does not deny is told of the MeshPolicy, and nobody else of the override.
  t.deepEqual(method.origins.callers, { is: 'resource', ref: weftRef('MeshPolicy', 'p', 'bakery') });
  t.is(admission(method, 'bakery.catalog'), 'MeshPolicy bakery/p names bakery.support');
  t.is(admission(method, 'bakery.orders'), 'MeshOverride bakery/o names bakery.support');
  t.deepEqual(
    [...both(found, 'bakery/payments', '/bakery.payments.v1.PaymentService/Capture').callers],
    ['bakery.orders', 'bakery.support'],
  );
  t.like(found.overrides[0], { state: 'active', effects: [{ kind: 'deny', caller: 'bakery.orders' }] });
});

test('MeshOverride: tightens without a reason, and never ends', (t) => {
  const spec = {
    service: 'orders',
    noRetry: true,
    deadline: '500ms',
    rateLimits: [{ caller: 'edge', requests: 5 }],
    maxConcurrentRequests: 3,
  };
  const found = mesh(directory().put(...override(spec)));
  t.deepEqual(found.problems, []);
  t.like(both(found, 'bakery/orders', getOrder), {
    retry: undefined,
    deadlineMs: 500,
    rateLimits: [{ caller: 'edge', requests: 5, perMs: 1000 }],
  });
  t.is(found.nextChangeMs, undefined);
  t.deepEqual(found.overrides[0]?.effects.map(effectWords), [
    'deadline 500 ms',
    'no retry',
    'at most 5 calls of edge in 1000 ms',
    'at most 3 requests at once',
  ]);
});

test('MeshOverride: loosens with a reason and an end, and ends by itself', (t) => {
  const expires = at(nowMs + 2 * hourMs);
  const spec = {
    service: 'payments',
    methods: [authorize],
    allow: ['bakery.catalog'],
    deadline: '20s',
    reason: 'ticket 7',
    expires,
  };
  const files = directory().put(...override(spec));
  const during = mesh(files);
  t.deepEqual(during.problems, []);
  t.is(during.nextChangeMs, nowMs + 2 * hourMs);
  t.like(both(during, 'bakery/payments', authorize), { deadlineMs: 20_000 });
  t.true(both(during, 'bakery/payments', authorize).callers.has('bakery.catalog'));
  const after = mesh(files, nowMs + 2 * hourMs);
  t.deepEqual(
    print(both(after, 'bakery/payments', authorize)),
    print(both(mesh(directory()), 'bakery/payments', authorize)),
  );
  t.like(after.overrides[0], { state: 'ended', effects: [] });
  t.is(after.nextChangeMs, undefined);
  t.deepEqual(after.problems, []);
});

const loosening: readonly (readonly [string, object, number | undefined, RegExp])[] = [
  [
    'no reason',
    { allow: ['bakery.catalog'], expires: at(nowMs + hourMs) },
    nowMs,
    /spec\.allow: bakery\.catalog may not call .*: an override that loosens a contract needs a reason/,
  ],
  ['a blank reason', { allow: ['bakery.catalog'], reason: ' ', expires: at(nowMs + hourMs) }, nowMs, /needs a reason/],
  [
    'no end',
    { deadline: '60s', reason: 'x' },
    nowMs,
    /spec\.deadline: 60000 ms is over .*: an override that loosens a contract needs an end/,
  ],
  [
    'more than 24 h',
    { deadline: '60s', reason: 'x', expires: at(nowMs + 24.1 * hourMs) },
    nowMs,
    /within 24 h of its creation, not after 24\.1 h/,
  ],
  [
    'more than 24 h since long ago',
    { deadline: '60s', reason: 'x', expires: at(nowMs + hourMs) },
    nowMs - 24 * hourMs,
    /not after 25 h/,
  ],
  [
    'made in the future',
    { deadline: '60s', reason: 'x', expires: at(nowMs + 40 * hourMs) },
    nowMs + 20 * hourMs,
    /was made in the future/,
  ],
  [
    'nobody says when',
    { deadline: '60s', reason: 'x', expires: at(nowMs + hourMs) },
    Number.NaN,
    /needs its creation time/,
  ],
];
for (const [title, spec, createdMs, message] of loosening) {
  test(`MeshOverride: what loosens is refused: ${title}`, (t) => {
    const created = Number.isNaN(createdMs) ? undefined : createdMs;
    const [path, resource] = override({ service: 'payments', methods: [authorize], ...spec }, 'o', created);
    const metadata = created === undefined ? { namespace: 'bakery', name: 'o' } : resource.metadata;
    const found = mesh(directory().put(path, { ...resource, metadata }));
    t.is(found.problems.length, 1);
    t.regex(messages(found)[0] ?? '', message);
    t.deepEqual(
      print(both(found, 'bakery/payments', authorize)),
      print(both(mesh(directory()), 'bakery/payments', authorize)),
    );
    t.like(found.overrides[0], { state: 'refused', effects: [] });
  });
}

test('MeshOverride: a refused part does not stop a denial beside it', (t) => {
  const found = mesh(
    directory().put(
      ...override({ service: 'payments', methods: [authorize], deny: ['bakery.orders'], deadline: '60s' }),
    ),
  );
  t.is(found.problems.length, 1);
  t.deepEqual([...both(found, 'bakery/payments', authorize).callers], []);
  t.like(found.overrides[0], { state: 'active', effects: [{ kind: 'deny', caller: 'bakery.orders' }] });
});

test('MeshOverride: none makes an unsafe method retry, whatever it says', (t) => {
  const unsafe = withPolicy(orders, 'PlaceOrder', { idempotencyKey: undefined, retry: undefined });
  const files = directory()
    .contract('bakery', 'bakery.orders', unsafe)
    .replica('orders-0', { contract: contractHash(unsafe), inbound: '127.0.0.1:1001', application: 'unix:/run/a' });
  const spec = {
    service: 'orders',
    methods: [placeOrder],
    retry: { maxRetries: 3 },
    reason: 'x',
    expires: at(nowMs + hourMs),
  };
  const found = mesh(files.put(...override(spec)));
  t.is(both(found, 'bakery/orders', placeOrder).retry, undefined);
  t.regex(
    messages(found)[0] ?? '',
    /spec\.retry: bakery\.orders\.v1\.OrderService\/PlaceOrder may not be repeated, and no override changes that/,
  );
  t.is(found.overrides[0]?.state, 'refused');
});

test('MeshOverride: a broken contract does not keep what an override has laid over its last good version', (t) => {
  const denied = directory().put(...override({ service: 'payments', deny: ['bakery.orders'] }));
  const bakery = new DirectoryCompiler(denied);
  t.deepEqual([...both(bakery.mesh, 'bakery/payments', authorize).callers], []);
  const broken = withPolicy(payments, 'Authorize', { tryTimeout: { seconds: 900n } });
  bakery.update(
    directory()
      .contract('bakery', 'bakery.payments', broken)
      .replica('payments-0', { contract: contractHash(broken), inbound: '127.0.0.1:1002', application: 'unix:/run/b' }),
  );
  t.deepEqual([...both(bakery.mesh, 'bakery/payments', authorize).callers], ['bakery.orders']);
});

test('MeshOverride: of a service that nobody may call anyway', (t) => {
  const files = directory()
    .service('bare')
    .replica('bare-0', { inbound: '127.0.0.1:1003', application: '127.0.0.1:3000' });
  const found = mesh(files.put(...override({ service: 'bare', deny: ['bakery.orders'] })));
  t.regex(messages(found)[0] ?? '', /Service bakery\/bare has no contract and no MeshPolicy/);
  t.like(found.overrides[0], { state: 'refused' });
});

test('MeshOverride: time that changes nothing leaves every object of the mesh as it was', (t) => {
  const files = directory().put(
    ...override({ service: 'payments', deny: ['bakery.orders'], expires: at(nowMs + hourMs) }),
  );
  const compiler = new DirectoryCompiler();
  compiler.update(files, nowMs);
  const services = new Map(compiler.mesh.services);
  const [before] = compiler.mesh.overrides;
  const { turn, changes } = compiler.update(files, nowMs + 1000);
  t.deepEqual(changes, []);
  for (const [id, service] of services) t.is(compiler.mesh.services.get(id), service);
  t.is(compiler.mesh.overrides[0], before);
  // The clock itself, and the one override.
  t.deepEqual(Object.fromEntries(turn.computed), { 'overrides now': 1 });
});

test('names that nobody has are problems, and an override that is about nobody is not active', (t) => {
  const expires = at(nowMs + hourMs);
  const found = (spec: object) =>
    mesh(directory().put(...override({ service: 'payments', reason: 'x', expires, ...spec })));
  for (const spec of [
    { deny: ['bakery.order'] },
    { allow: ['bakery.order'] },
    { rateLimits: [{ caller: 'bakery.order', requests: 1 }] },
  ]) {
    const { overrides, problems } = found(spec);
    t.like(overrides[0], { state: 'refused', effects: [] }, JSON.stringify(spec));
    t.regex(problems[0]?.message ?? '', /^no service is named bakery\.order; .*Did you mean bakery\.orders\?$/);
    t.regex(overrides[0]?.refusals[0]?.message ?? '', /bakery\.order/);
  }
  const misspelt = found({ methods: ['/bakery.payments.v1.PaymentService/Authorise'], deny: ['bakery.orders'] });
  t.is(misspelt.overrides[0]?.state, 'refused');
  t.regex(misspelt.problems[0]?.message ?? '', /Did you mean \/bakery\.payments\.v1\.PaymentService\/Authorize\?$/);
  // What it says of somebody holds, whoever else is named beside.
  const half = found({ deny: ['bakery.order', 'bakery.orders'] });
  t.is(half.overrides[0]?.state, 'active');
  t.deepEqual(half.overrides[0]?.effects.map(effectWords), ['denies bakery.orders']);

  const policies = mesh(
    directory().put(
      ...policy({
        service: 'payments',
        callers: ['bakery.orders', 'bakery.catalogue', 'edge2'],
        calls: ['bakery.oders', 'bakery/orders'],
        defaults: { addCallers: ['bakery.suport'] },
        methods: [{ path: authorize, rateLimits: [{ caller: 'bakery.order', requests: 1 }] }],
      }),
    ),
  );
  t.deepEqual(
    policies.problems.map(({ field }) => field),
    [
      'spec.callers[1]',
      'spec.callers[2]',
      'spec.calls[0]',
      'spec.defaults.addCallers[0]',
      'spec.methods[0].rateLimits[0].caller',
    ],
  );
});
