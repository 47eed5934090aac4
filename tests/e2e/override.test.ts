import { existsSync, readdirSync } from 'node:fs';
import { Code, ConnectError } from '@connectrpc/connect';
import test from 'ava';
import { type Mesh, startMesh } from '../mesh.ts';
import { shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';

let mesh: Mesh;
test.before(async () => {
  mesh = await startMesh();
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
  const told = await mesh.weft('override', method, '--deny', 'edge', '--for', '6s', '--why', 'a test of ours');
  t.regex(told, /shop\/catalog-\w+: denies edge on shop\.catalog\.v1\.CatalogService\/GetProduct; ends in \d/);
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
  t.regex(await mesh.weft('override', '--list'), /nothing on .*; ended \d/);
  const log = await mesh.log('control-plane');
  t.regex(log, /"audit":"override".*"who":"[^"]+@[^"]+","why":"a test of ours".*an override holds/);
  t.regex(log, /an override has ended by itself/);
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
    [['shop.payments', '--allow', 'shop.catalog', '--until-removed', '--why', 'x'], /what loosens needs an end/],
    [['shop.payments', '--allow', 'shop.catalog', '--for', '25h', '--why', 'x'], /within 24 h of its creation/],
    [['shop.payments/Nothing', '--deny', 'shop.orders', '--why', 'x'], /is no method of the service/],
    [['shop.payments', '--deadline', 'soon', '--why', 'x'], /spec\.deadline/],
    [['shop.payments', '--deny', 'shop.orders'], /Say why/],
    [['shop.nobody', '--deny', 'shop.orders', '--why', 'x'], /No service is called "shop\.nobody"/],
  ];
  for (const [args, message] of refusals) {
    const error = await t.throwsAsync(mesh.weft('override', ...args), undefined, args.join(' '));
    t.regex(error?.message ?? '', message, args.join(' '));
  }
  t.deepEqual(files(), before);
});
