import { existsSync, readdirSync } from 'node:fs';
import { Code, ConnectError } from '@connectrpc/connect';
import test from 'ava';
import type { Mesh } from '../mesh.ts';
import { takeMesh } from '../shared-mesh.ts';
import { shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';

let mesh: Mesh;
test.before(async () => {
  mesh = await takeMesh();
});
test.after.always(() => mesh?.stop());

const files = () => (existsSync(mesh.userMesh) ? readdirSync(mesh.userMesh) : []);
const method = 'shop.catalog.v1.CatalogService/GetProduct';

async function codeOf(call: Promise<unknown>): Promise<{ code: Code | 0; message: string }> {
  return call.then(
    () => ({ code: 0 as const, message: '' }),
    (error: unknown) => ({ code: ConnectError.from(error).code, message: ConnectError.from(error).rawMessage }),
  );
}

test.serial('weft override denies a caller at once, is shown, and ends by itself', async (t) => {
  const { catalog } = shopAt(mesh.edge);
  const getProduct = () => codeOf(catalog.getProduct({ sku: 'WFT-0001' }));
  t.is((await getProduct()).code, 0);
  const told = await mesh.weft('override', method, '--deny', 'edge', '--for', '15s', '--why', 'a test of ours');
  t.regex(told, /shop\/catalog-\w+: denies edge on shop\.catalog\.v1\.CatalogService\/GetProduct; expires in \d/);
  t.regex(told, /why: a test of ours/);
  const refused = await waitFor('a refusal', async () => {
    const outcome = await getProduct();
    return outcome.code === 0 ? undefined : outcome;
  });
  t.is(refused.code, Code.PermissionDenied);
  t.regex(
    refused.message,
    /^weft: edge may not call shop\.catalog\.v1\.CatalogService\/GetProduct; MeshOverride shop\/catalog-\w+ names shop\.orders$/,
  );
  // Only that method.
  t.is((await codeOf(catalog.listProducts({}))).code, 0);
  t.regex(await mesh.weft('status'), /Overrides\n\s+shop\/catalog-\w+: denies edge/);
  await waitFor('its end', async () => (await getProduct()).code === 0);
  t.regex(
    await mesh.weft('override', '--list'),
    /^There are no overrides\. 1 expired; `weft override --list --all` shows it\.$/m,
  );
  t.regex(await mesh.weft('override', '--list', '--all'), /nothing on .*; ended \d/);
  t.notRegex(await mesh.weft('status'), /Overrides/);
  const log = await mesh.log('control-plane');
  t.regex(log, /"audit":"override".*"who":"[^"]+@[^"]+","why":"a test of ours".*an override holds/);
  t.regex(log, /an override has ended by itself/);
});

test.serial('short names that only one service and method have', async (t) => {
  const printed = await mesh.weft('override', 'GetProduct', '--deny', 'orders', '--why', 'x', '--print');
  t.regex(printed, /service: catalog\n\s+methods:\n\s+- \/shop\.catalog\.v1\.CatalogService\/GetProduct\n/);
  t.regex(printed, /deny:\n\s+- shop\.orders\n/);
  t.regex(await mesh.weft('why', 'orders', 'catalog/GetProduct'), /^shop\.orders may call shop\.catalog\.v1\./);
});

test.serial('weft override --remove ends one now', async (t) => {
  const { catalog } = shopAt(mesh.edge);
  const told = await mesh.weft(
    'override',
    'catalog/GetProduct',
    '--deny',
    'edge',
    '--until-removed',
    '--why',
    'x',
    '--json',
  );
  const { name } = JSON.parse(told);
  await waitFor('a refusal', async () => (await codeOf(catalog.getProduct({ sku: 'WFT-0001' }))).code !== 0);
  t.true(files().some((file) => file.includes(String(name).replace('/', '.'))));
  await mesh.weft('override', '--remove', name);
  t.false(files().some((file) => file.includes(String(name).replace('/', '.'))));
  await waitFor('calls again', async () => (await codeOf(catalog.getProduct({ sku: 'WFT-0001' }))).code === 0);
});

test.serial('weft override takes back what is refused', async (t) => {
  const before = files();
  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [
      ['shop.payments', '--allow', 'shop.catalog', '--until-removed', '--why', 'x'],
      /an override that loosens a contract needs an end/,
    ],
    [['shop.payments', '--allow', 'shop.catalog', '--for', '25h', '--why', 'x'], /within 24 h of its creation/],
    [['shop.payments/Nothing', '--deny', 'shop.orders', '--why', 'x'], /has no method Nothing\./],
    [['shop.payments', '--deadline', 'soon', '--why', 'x'], /--deadline is "soon"/],
    [['shop.payments', '--deny', 'shop.orders'], /Give the reason/],
    [['shop.payments', '--deny', 'shop.order'], /Did you mean shop\.orders\?/],
    [['shop.nobody', '--deny', 'shop.orders', '--why', 'x'], /No service is named shop\.nobody\./],
    [
      ['shop.payments', '--deny', 'shop.order', '--why', 'x'],
      /No service is named shop\.order\. Did you mean shop\.orders\?/,
    ],
    [['shop.payments', '--deny', 'shop.order'], /Did you mean shop\.orders\?/],
    [['PaymentService/Authorise', '--deny', 'shop.orders', '--why', 'x', '--print'], /Did you mean .*\/Authorize\?/],
    [['shop.payments', '--no-retry', '--limit', 'shop.order=1/1s', '--why', 'x'], /Did you mean shop\.orders\?/],
    [['shop.payments/Authorise', '--no-retry', '--why', 'x'], /Did you mean .*\/Authorize\?/],
  ];
  for (const [args, message] of refusals) {
    const error = await t.throwsAsync(mesh.weft('override', ...args), undefined, args.join(' '));
    t.regex(error?.message ?? '', message, args.join(' '));
  }
  t.deepEqual(files(), before);
});

test.serial('weft override --force writes a name that nobody has yet, which is not active', async (t) => {
  const before = files();
  await mesh.weft('override', 'shop.payments', '--deny', 'shop.later', '--force', '--why', 'x');
  const list: { overrides: Record<'name' | 'namespace' | 'state', string>[] } = JSON.parse(
    await mesh.weft('override', '--list', '--json'),
  );
  const written = list.overrides.filter(({ state }) => state === 'OVERRIDE_STATE_REFUSED');
  t.is(written.length, 1);
  const [{ name, namespace } = { name: '', namespace: '' }] = written;
  await mesh.weft('override', '--remove', `${namespace}/${name}`);
  t.deepEqual(files(), before);
});

test.serial('weft why and weft scale say who may have been meant, and fail', async (t) => {
  const method = 'shop.payments.v1.PaymentService/Authorize';
  for (const args of [
    ['why', 'shop.order', method],
    ['why', 'shop.orders', method.replace('Authorize', 'Authorise')],
    ['scale', 'payment=1'],
    ['logs', 'order-0'],
  ]) {
    await t.throwsAsync(mesh.weft(...args), undefined, args.join(' '));
  }
});

test.serial('weft why names each station of a call, and what is said in which line', async (t) => {
  // The override before may have been taken back a moment ago.
  const why = await waitFor('the proxies to hold all', async () => {
    const text = await mesh.weft('why', 'shop.orders', 'shop.payments.v1.PaymentService/Authorize');
    return text.includes('its proxy has acknowledged all') ? text : undefined;
  });
  const proto = String.raw`shop/payments/v1/payments\.proto:\d+`;
  for (const station of [
    /^shop\.orders may call shop\.payments\.v1\.PaymentService\/Authorize: 1 of 1 replicas ready for it/m,
    /^listener .*\n +shop\/orders-0 +127\.0\.0\.1:\d+ +\(its proxy has acknowledged all\)$/m,
    new RegExp(
      String.raw`^route .*\n +deadline +5 s +\(\(weft\.policy\.v1\.service\)\.defaults\.deadline, ${proto}\)$`,
      'm',
    ),
    new RegExp(
      String.raw`^policy .*\n +contract +[0-9a-f]{16} +\(contracts/shop/[0-9a-f]{16}\.binpb, ${proto}\)$`,
      'm',
    ),
    /^cluster +outbound\|shop\/payments$/m,
    /^endpoints +1 of 1 replicas of shop\/payments\n +shop\/payments-0 +127\.0\.0\.1:\d+, ready/m,
    /^certificates .*\n +shop\/orders-0 +spiffe:\/\/weft\.local\/ns\/shop\/sa\/orders +\(certificate ends 20/m,
    /^callee .*\n +shop\/payments-0 +admits spiffe:\/\/weft\.local\/ns\/shop\/sa\/orders/m,
  ]) {
    t.regex(why, station);
  }
  const refused = await mesh.weft('why', 'shop.catalog', 'PaymentService/Authorize');
  t.regex(
    refused,
    /^weft: shop\.catalog may not call .*; its contract names shop\.orders\n +to change that: callers: /,
  );
  const history = await mesh.weft('history', '--limit', '3');
  t.regex(history, /^REVISION +PUSHED +TAKEN +CAUSE\n[0-9a-f]{12} /);
});
