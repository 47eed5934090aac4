import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { OverrideState } from '@weft/api/weft/api/v1/mesh';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { withPolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet } from '@weft/compiler/testing/mesh-directory';
import { client, implement, serve } from '@weft/service-kit';
import { CatalogService, ProductSchema } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import test, { type ExecutionContext } from 'ava';
import { MeshProcess, type Replica } from './mesh-process.fixture.ts';

test.serial.before(() => {
  process.env.LOG_LEVEL ??= 'warn';
});

const getProduct = '/bakery.catalog.v1.CatalogService/GetProduct';

/** catalog and orders, each behind its Envoy; catalog's application answers. */
async function bakery(t: ExecutionContext) {
  const mesh = await MeshProcess.open(t);
  const [catalog, orders] = await Promise.all([mesh.addReplica('catalog'), mesh.addReplica('orders')]);
  await serveCatalog(t, catalog);
  await mesh.untilServing('catalog', 'orders');
  const products = client(CatalogService, { outbound: orders.outbound });
  return { mesh, catalog, orders, products };
}

async function serveCatalog(t: ExecutionContext, { application }: Replica): Promise<void> {
  const price = { currencyCode: 'EUR', units: 1n };
  const product = create(ProductSchema, { sku: 'WFT-0001', name: 'A thing', category: 'things', price });
  const service = implement(CatalogService, {
    getProduct: ({ sku }) => ({ product: { ...product, sku } }),
    batchGetProducts: () => ({}),
    listProducts: () => ({}),
    searchProducts: () => ({}),
    importProducts: () => ({}),
  });
  const server = await serve({ services: [service], listen: application, drainMs: 0, finishMs: 0 });
  t.teardown(() => server.close());
}

const expiresIn = (ms: number) => new Date(Date.now() + ms).toISOString();

function override(name: string, spec: object) {
  const metadata = { namespace: 'bakery', name, creationTimestamp: new Date().toISOString() };
  return {
    apiVersion: 'weft.dev/v1',
    kind: 'MeshOverride',
    metadata,
    spec: { service: 'catalog', by: 'ada', ...spec },
  };
}

/** Calls a method without a pause, in four lanes, and counts how calls ended. */
function load(call: () => Promise<unknown>) {
  const stop = new AbortController();
  const outcomes: { code: Code | 0; message: string }[] = [];
  const lane = async () => {
    while (!stop.signal.aborted) {
      await call().then(
        () => outcomes.push({ code: 0, message: '' }),
        (error: unknown) => {
          const { code, rawMessage } = ConnectError.from(error);
          outcomes.push({ code, message: rawMessage });
        },
      );
    }
  };
  const lanes = Promise.all([lane(), lane(), lane(), lane()]);
  return {
    outcomes,
    async stop() {
      stop.abort();
      await lanes;
    },
    /** Waits until `count` calls that began after now have ended in a row with this code. */
    async settles(code: Code | 0, count = 50): Promise<void> {
      for (;;) {
        const last = outcomes.slice(-count);
        if (last.length === count && last.every((outcome) => outcome.code === code)) return;
        await sleep(5);
      }
    },
  };
}

test.serial('an override denies a caller under load, closes no connection, and ends by itself', async (t) => {
  const { mesh, catalog, products } = await bakery(t);
  const denied = load(() => products.getProduct({ sku: 'WFT-0001' }, { deadlineMs: 5000 }));
  const others = load(() => products.batchGetProducts({ skus: ['WFT-0001'] }, { deadlineMs: 5000 }));
  t.teardown(() => Promise.all([denied.stop(), others.stop()]));
  await Promise.all([denied.settles(0), others.settles(0)]);

  const writtenMs = Date.now();
  const expires = expiresIn(3000);
  await mesh.put(
    'user/deny.yaml',
    override('deny', { methods: [getProduct], deny: ['bakery.orders'], reason: 'a test', expires }),
  );
  const before = denied.outcomes.length;
  while (!denied.outcomes.slice(before).some(({ code }) => code === Code.PermissionDenied)) await sleep(1);
  t.log(`denied ${Date.now() - writtenMs} ms after it was written`);
  await denied.settles(Code.PermissionDenied);
  t.regex(
    denied.outcomes.at(-1)?.message ?? '',
    /^weft: bakery\.orders may not call bakery\.catalog\.v1\.CatalogService\/GetProduct; MeshOverride bakery\/deny names edge$/,
  );
  const { overrides } = await mesh.status();
  t.like(overrides[0], {
    name: 'deny',
    service: 'catalog',
    state: OverrideState.ACTIVE,
    effects: ['denies bakery.orders'],
    by: 'ada',
  });

  // Nobody touches it: it ends.
  await denied.settles(0);
  t.true(Date.now() >= Date.parse(expires));
  t.is((await mesh.status()).overrides[0]?.state, OverrideState.ENDED);
  await Promise.all([denied.stop(), others.stop()]);
  t.deepEqual(
    others.outcomes.filter(({ code }) => code !== 0),
    [],
  );
  const codes = new Set(denied.outcomes.map(({ code }) => code));
  codes.delete(Code.Unavailable); // "may call, but its proxy does not know it yet", for the moment in which it ends
  t.deepEqual([...codes].sort(), [0, Code.PermissionDenied]);
  t.is(await mesh.stat('orders', 'cluster.outbound|bakery/catalog.upstream_cx_destroy'), 0);
  t.is(await mesh.stat('catalog', `listener.${catalog.inbound.replace(':', '_')}.downstream_cx_destroy`), 0);

  for (const [message, what] of [
    ['an override holds', '"who":"ada","why":"a test"'],
    ['an override has ended by itself', '"audit":"override","override":"bakery/deny"'],
  ] as const) {
    t.true(
      mesh.log.split('\n').some((line) => line.includes(message) && line.includes(what)),
      message,
    );
  }
});

test.serial('an override that denies all of a service closes no connection either', async (t) => {
  const { mesh, products } = await bakery(t);
  const calls = load(() => products.getProduct({ sku: 'WFT-0001' }, { deadlineMs: 5000 }));
  t.teardown(() => calls.stop());
  await calls.settles(0);
  await mesh.put('user/deny.yaml', override('deny', { deny: ['bakery.orders'] }));
  await calls.settles(Code.PermissionDenied);
  await mesh.remove('user/deny.yaml');
  await calls.settles(0);
  await calls.stop();
  t.is(await mesh.stat('orders', 'cluster.outbound|bakery/catalog.upstream_cx_destroy'), 0);
  t.regex(mesh.log, /an override was removed/);
});

test.serial(
  'what loosens without a reason or for too long has no effect, and nothing makes an unsafe method retry',
  async (t) => {
    const { mesh } = await bakery(t);
    const importProducts = '/bakery.catalog.v1.CatalogService/ImportProducts';
    const tooLong = expiresIn(25 * 3_600_000);
    const unsafe = { methods: [importProducts], allow: ['bakery.orders'], retry: { maxRetries: 3 }, reason: 'x' };
    await mesh.put(
      'user/loosen.yaml',
      override('no-reason', { methods: [getProduct], deadline: '50s', expires: expiresIn(60_000) }),
      override('too-long', { methods: [getProduct], allow: ['bakery.payments'], reason: 'x', expires: tooLong }),
      override('unsafe', { ...unsafe, expires: expiresIn(60_000) }),
    );
    const { overrides, problems } = await mesh.until('all are named', ({ overrides: all }) => all.length === 3);
    t.deepEqual(
      overrides.map(({ name, state }) => [name, state]),
      [
        ['no-reason', OverrideState.REFUSED],
        ['too-long', OverrideState.REFUSED],
        ['unsafe', OverrideState.ACTIVE],
      ],
    );
    t.deepEqual(overrides[2]?.effects, ['allows bakery.orders']);
    const told = problems.map(({ resource, message }) => `${resource}: ${message}`).join('\n');
    t.regex(
      told,
      /no-reason \(user\/loosen\.yaml\): 50000 ms is over .* an override that loosens a contract needs a reason/,
    );
    t.regex(told, /too-long .* within 24 h of its creation, not after 25 h/);
    t.regex(told, /unsafe .*ImportProducts may not be repeated, and no override changes that/);
    await mesh.until('orders knows the new route', async () =>
      (await mesh.config('orders-0')).configJson.includes(importProducts),
    );
    const { configJson } = await mesh.config('orders-0');
    const retries = retriesOf(JSON.parse(configJson), importProducts);
    t.true(retries.length > 0);
    for (const retryOn of retries)
      t.notRegex(retryOn, /(^|,)(unavailable|reset|5xx|retriable-status-codes|gateway-error)(,|$)/);
  },
);

test.serial('a namespace that speaks for another has no effect, and is named', async (t) => {
  const { mesh, products, orders } = await bakery(t);
  await mesh.addReplica('payments');
  await mesh.untilServing('payments');
  const before = (await mesh.config('orders-0')).configJson;
  const payments = descriptorSet('bakery.payments');
  const hostile = withPolicy(payments, 'Authorize', { callers: { names: ['bakery.catalog'] } });
  // The very same words under another hash, and one that nobody can mean.
  const everybody = withPolicy(payments, 'Authorize', { callers: { names: ['*'] } });
  await mesh.putContract('thieves', 'bakery.payments.binpb', hostile);
  await mesh.putContract('thieves', 'everybody.binpb', everybody);
  const metadata = { namespace: 'thieves', name: 'payments' };
  const inbound = [{ listen: '127.0.0.1:9', application: 'unix:/nowhere' }];
  await mesh.put(
    'thieves.yaml',
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: { app: 'payments' }, ports: [{ port: 80 }] } },
    {
      apiVersion: 'weft.dev/v1',
      kind: 'Workload',
      metadata: { namespace: 'thieves', name: 'payments-0', labels: { app: 'payments' } },
      spec: { serviceAccount: 'payments', contract: contractHash(hostile), inbound },
      status: { ready: true },
    },
    {
      apiVersion: 'weft.dev/v1',
      kind: 'MeshPolicy',
      metadata,
      spec: { service: 'catalog', addCallers: ['thieves.loot'] },
    },
  );
  const wanted = [
    /^MeshPolicy thieves\/payments \(thieves\.yaml\) spec\.service: there is no Service thieves\/catalog/,
    /^Workload thieves\/payments-0 metadata\.labels: has the labels of bakery\/payments, but namespace thieves may not speak for bakery\.payments/,
    /^Workload thieves\/payments-0 spec\.contract: runs contract/,
    /^contracts\/thieves\/everybody\.binpb bakery\.payments\.v1\.PaymentService\/Authorize: callers names "\*"/,
    /^contracts\/thieves\/bakery\.payments\.binpb package bakery\.payments: namespace thieves may not speak for bakery\.payments; the contract has no effect \(bakery\.payments belongs to namespace bakery by mesh\.yaml spec\.packages\[0\]/,
  ];
  const { problems } = await mesh.until('all is named', ({ problems: all }) => all.length >= wanted.length);
  const told = problems.map(({ resource, field, message, advice }) => `${resource} ${field}: ${message} (${advice})`);
  for (const words of wanted)
    t.true(
      told.some((line) => words.test(line)),
      `${words} in\n${told.join('\n')}`,
    );
  t.is((await mesh.config('orders-0')).configJson, before);
  t.is((await products.getProduct({ sku: 'WFT-0001' }, { deadlineMs: 5000 })).product?.sku, 'WFT-0001');
  t.truthy(orders.outbound);
});

/** Every retry_on of the routes of one path, wherever they are in a configuration. */
function retriesOf(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Reflect.get(value, 'name') === path) {
    const retryOn = /"retryOn":"([^"]*)"/.exec(JSON.stringify(value))?.[1];
    return retryOn === undefined ? [] : [retryOn];
  }
  return Object.values(value).flatMap((part) => retriesOf(part, path));
}
