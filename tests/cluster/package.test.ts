import { join } from 'node:path';
import test from 'ava';
import { EmptyDirectory } from '../published/empty-directory.ts';
import { startRegistry } from '../registry.ts';
import { waitFor } from '../wait-for.ts';
import { clusterTest, freshNamespace, noCluster, type PodObject, podsOf, rolledOut } from './cluster.ts';
import { apply, helm, kubectl } from './command.ts';
import { installed } from './installation.ts';
import { writeKiln } from './kiln.ts';
import { exposeNamespace, givePackage } from './mesh-config.ts';
import { type GrpcOutcome, grpcFrom, readyPod, runPod } from './scratch-pod.ts';

const permissionDenied = 7;

let home: EmptyDirectory | undefined;
let project = '';

/** A new user's project, whose packages come from a registry, and one service more, without the kit. */
test.before(async (t) => {
  if (noCluster) return;
  t.timeout(8 * 60_000);
  const registry = await startRegistry();
  try {
    home = await EmptyDirectory.create(registry);
    await home.run('npm create weft@latest bakery -- --yes');
    home.folder = 'bakery';
    project = home.at('.');
    await home.run('npx weft add service cart --calls bakery.bread --database');
    await writeKiln(project);
    for (const name of ['cart', 'kiln']) t.log(await home.run(`npx weft package ${name}`));
  } finally {
    await registry.stop();
  }
});

test.after.always(async () => {
  await home?.remove();
});

/** A namespace that may speak for the bakery, and a database server in it with its administrator's Secret. */
async function bakeryNamespace(t: Parameters<typeof freshNamespace>[0]): Promise<string> {
  const namespace = await freshNamespace(t, 'bakery');
  await givePackage(t, namespace, 'bakery');
  await apply([
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace, name: 'database-admin' },
      type: 'kubernetes.io/basic-auth',
      stringData: { username: 'postgres', password: 'only-for-this-test' },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name: 'postgres' },
      spec: { selector: { app: 'postgres' }, ports: [{ port: 5432 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace, name: 'postgres', labels: { app: 'postgres' } },
      spec: {
        containers: [
          {
            name: 'postgres',
            image: 'postgres:18',
            imagePullPolicy: 'IfNotPresent',
            env: [{ name: 'POSTGRES_PASSWORD', value: 'only-for-this-test' }],
            readinessProbe: { exec: { command: ['pg_isready', '-q', '-h', '127.0.0.1'] }, periodSeconds: 1 },
          },
        ],
      },
    },
  ]);
  return namespace;
}

/** A call of the bakery from a container of the shop, which finds it by its logical name. */
async function callFrom(pod: PodObject, service: 'cart' | 'kiln', method: string): Promise<GrpcOutcome> {
  const script = `
const session = require('node:http2').connect('http://' + process.env.WEFT_OUTBOUND);
const stream = session.request({ ':method': 'POST', ':path': '${method}', ':authority': 'bakery.${service}', 'content-type': 'application/grpc', te: 'trailers' });
const outcome = {};
const take = (headers) => { if (headers['grpc-status'] !== undefined) { outcome.grpcStatus = Number(headers['grpc-status']); outcome.message = decodeURIComponent(headers['grpc-message'] ?? ''); } };
stream.on('response', take).on('trailers', take).on('error', (error) => { outcome.error = error.code; }).on('close', () => { console.log(JSON.stringify(outcome)); process.exit(0); });
stream.resume(); stream.end(Buffer.alloc(5));`;
  const { namespace, name, labels } = pod.metadata;
  const container = labels?.['app.kubernetes.io/name'] ?? '';
  return JSON.parse(await kubectl('exec', '-n', namespace, name, '-c', container, '--', 'node', '-e', script));
}

/** Waits until a call ends so: a contract that was just published takes a moment to be everywhere. */
async function answers(call: () => Promise<GrpcOutcome>, grpcStatus: number): Promise<GrpcOutcome> {
  return waitFor(`grpc-status ${grpcStatus}`, async () => {
    const outcome = await call();
    return outcome.grpcStatus === grpcStatus ? outcome : Promise.reject(new Error(JSON.stringify(outcome)));
  });
}

clusterTest(
  'npm create, weft package, then helm install: one service with its database, called at the edge',
  async (t) => {
    const { shop, edge } = await installed(t);
    const namespace = await bakeryNamespace(t);
    await readyPod(t, namespace, 'app=postgres');
    const out = join(project, 'dist/cart');
    const database = 'database.host=postgres,database.setup.secret=database-admin';
    const install = ['-n', namespace, '-f', join(out, 'values.yaml'), '--set', database, '--wait', '--timeout', '2m'];
    const notes = await helm('upgrade', '--install', 'cart', join(out, 'chart'), ...install);
    t.true(notes.includes(`- { namespace: ${namespace}, protoPackage: bakery.cart }`), notes);
    t.true(notes.includes(`- { namespace: ${namespace}, paths: [PREFIX] }`), notes);
    await exposeNamespace(t, namespace, '/v1/cart');

    const body = JSON.stringify({ name: 'rye' });
    const added = await waitFor('an item to be added', async () => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${edge}/v1/cart/items`, { method: 'POST', headers, body });
      const text = await response.text();
      return response.ok ? text : Promise.reject(new Error(`${response.status} ${text}`));
    });
    t.is(JSON.parse(added).item.name, 'rye', added);
    t.is(JSON.parse(await (await fetch(`${edge}/v1/cart/items`)).text()).items[0].name, 'rye');

    const orders = await readyPod(t, shop, 'app.kubernetes.io/name=orders');
    const addItem = '/bakery.cart.v1.CartService/AddItem';
    const refused = await answers(() => callFrom(orders, 'cart', addItem), permissionDenied);
    t.is(refused.message, 'weft: shop.orders may not call bakery.cart.v1.CartService/AddItem; its contract names edge');
    const stranger = await runPod(t, { namespace, name: 'stranger', labels: { 'weft.dev/inject': 'false' } });
    const plain = await grpcFrom(stranger, 'http://cart', addItem, 'bakery.cart');
    t.not(plain.grpcStatus, 0, JSON.stringify(plain));

    t.regex(await helm('test', 'cart', '-n', namespace, '--timeout', '1m'), /Phase:\s+Succeeded/);
    // Again: the role, its password and its data stay.
    await helm('upgrade', '--install', 'cart', join(out, 'chart'), ...install, '--set', 'logLevel=debug');
    const query =
      "select count(*), pg_get_userbyid(relowner) from cart.items, pg_class where relname = 'items' group by 2";
    const psql = `PGPASSWORD=$POSTGRES_PASSWORD exec psql -h 127.0.0.1 -U postgres -At bakery -c "${query}"`;
    const items = await kubectl('exec', '-n', namespace, 'postgres', '--', 'sh', '-c', psql);
    t.regex(items.trim(), /^[1-9]\d*\|cart$/);
  },
);

clusterTest('weft package, then helm install: a program without the kit, called as its contract says', async (t) => {
  const { shop } = await installed(t);
  const namespace = await bakeryNamespace(t);
  const out = join(project, 'dist/kiln');
  await helm('install', 'kiln', join(out, 'chart'), '-n', namespace, '-f', join(out, 'values.yaml'));
  await rolledOut(namespace, 'deployment/kiln', 60);
  t.regex(await kubectl('logs', '-n', namespace, 'deployment/kiln'), /kiln serves 250/);

  const orders = await readyPod(t, shop, 'app.kubernetes.io/name=orders');
  const catalog = await readyPod(t, shop, 'app.kubernetes.io/name=catalog');
  const fire = '/bakery.kiln.v1.KilnService/Fire';
  await answers(() => callFrom(orders, 'kiln', fire), 0);
  const refused = await answers(() => callFrom(catalog, 'kiln', fire), permissionDenied);
  t.is(
    refused.message,
    'weft: shop.catalog may not call bakery.kiln.v1.KilnService/Fire; its contract names shop.orders',
  );
  t.regex(await helm('test', 'kiln', '-n', namespace, '--timeout', '1m'), /Phase:\s+Succeeded/);
  t.is((await podsOf(namespace, 'app.kubernetes.io/name=kiln')).length, 1);
});
