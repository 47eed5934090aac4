import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OrderStatus } from '@shop/orders-contract/v1';
import test from 'ava';
import { type Mesh, startMesh } from '../mesh.ts';
import { type OtlpReceiver, type Span, startOtlpReceiver } from '../otlp-receiver.ts';
import { goodCard, goodOrder, shopAt } from '../shop.ts';

/** Envoy's spans name the cluster that they went to. */
const isProxy = (span: Span) => span.attributes.has('upstream_cluster.name') || span.attributes.has('upstream_cluster');

let collector: OtlpReceiver;
let mesh: Mesh;
test.before(async () => {
  collector = await startOtlpReceiver();
  mesh = await startMesh({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
  });
});
test.after.always(async () => {
  await mesh?.stop();
  await collector?.close();
});

test('one order is one trace, with the right parents across edge, sidecars, services and SQL', async (t) => {
  const { orders } = shopAt(mesh.edge);
  const { order } = await orders.placeOrder(goodOrder());
  t.is(order?.status, OrderStatus.CONFIRMED, order?.reason);

  const has = (spans: readonly Span[], service: string, name: RegExp, kind: number) =>
    spans.some((span) => span.service === service && name.test(span.name) && span.kind === kind && !isProxy(span));
  const orphans = (spans: readonly Span[]) => {
    const ids = new Set(spans.map((span) => span.spanId));
    return spans.filter((span) => span.parentSpanId && !ids.has(span.parentSpanId));
  };
  // Each process exports when its batch is full or old, so a parent may come after its children.
  const complete = (spans: readonly Span[]) =>
    orphans(spans).length === 0 &&
    has(spans, 'shop.orders', /PlaceOrder/, 2) &&
    has(spans, 'shop.inventory', /Reserve/, 2) &&
    has(spans, 'shop.inventory', /Commit/, 2) &&
    has(spans, 'shop.payments', /Authorize/, 2) &&
    has(spans, 'shop.payments', /Capture/, 2) &&
    has(spans, 'shop.catalog', /BatchGetProducts/, 2);
  const spans = await collector.trace(complete);
  const byId = new Map(spans.map((span) => [span.spanId, span]));

  // Every parent is in the trace, and there is one root: the edge's.
  const roots = spans.filter((span) => !span.parentSpanId);
  t.deepEqual(
    roots.map((span) => span.service),
    ['edge'],
  );

  // From the root down to a service's span of one call: a sidecar has its service's name, and says that it is a proxy.
  const who = (span: Span) => (isProxy(span) ? `${span.service} (proxy)` : span.service);
  const path = (span: Span): string[] => {
    const parent = byId.get(span.parentSpanId);
    const above = parent ? path(parent) : [];
    return above.at(-1) === who(span) ? above : [...above, who(span)];
  };
  const server = (service: string, name: RegExp) =>
    spans.find((span) => span.service === service && name.test(span.name) && span.kind === 2 && !isProxy(span)) as Span;
  t.deepEqual(path(server('shop.orders', /PlaceOrder/)), ['edge (proxy)', 'shop.orders (proxy)', 'shop.orders']);
  for (const [service, method] of [
    ['catalog', /BatchGetProducts/],
    ['inventory', /Reserve/],
    ['payments', /Authorize/],
  ] as const) {
    t.deepEqual(
      path(server(`shop.${service}`, method)),
      [
        'edge (proxy)',
        'shop.orders (proxy)',
        'shop.orders',
        'shop.orders (proxy)',
        `shop.${service} (proxy)`,
        `shop.${service}`,
      ],
      service,
    );
  }

  // SQL under the service that ran it.
  for (const service of ['shop.orders', 'shop.inventory', 'shop.payments', 'shop.catalog']) {
    const sql = spans.filter((span) => span.service === service && span.attributes.has('db.system.name'));
    t.true(sql.length > 0, `SQL spans of ${service}`);
    t.true(sql.every((span) => path(span).at(-1) === service));
  }

  // No card number anywhere.
  t.false(collector.spans.some((span) => [...span.attributes.values()].some((value) => value.includes(goodCard))));
});

test('no log of any process has the card number', async (t) => {
  await shopAt(mesh.edge).orders.placeOrder(goodOrder());
  for (const name of [
    'orders-0',
    'orders-0.envoy',
    'payments-0',
    'payments-0.envoy',
    'edge-0',
    'control-plane',
    'postgres',
  ]) {
    const log = await mesh.log(name);
    t.false(log.includes(goodCard), name);
  }
});

test('no file of the mesh has the card number: neither a table, nor the write-ahead log, nor a log', async (t) => {
  const cardNumber = '5555555555554444';
  const { order } = await shopAt(mesh.edge).orders.placeOrder(goodOrder({ cardNumber }));
  t.is(order?.status, OrderStatus.CONFIRMED);
  const files = (await readdir(mesh.state, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  t.true(files.some(({ parentPath }) => parentPath.endsWith('pg_wal')));
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    // A file may be removed meanwhile.
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    t.false(bytes.includes(cardNumber), path);
  }
});
