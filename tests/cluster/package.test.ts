import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { writeBakery } from '../bakery.ts';
import { startRegistry } from '../registry.ts';
import { waitFor } from '../wait-for.ts';
import { clusterTest, freshNamespace, noCluster, type PodObject, podsOf, rolledOut } from './cluster.ts';
import { apply, get, helm, kubectl, run } from './command.ts';
import { installed } from './installation.ts';
import { type GrpcOutcome, grpcFrom, readyPod, runPod } from './scratch-pod.ts';

const weft = join(import.meta.dirname, '../../packages/cli/bin/weft.js');
const permissionDenied = 7;

let scratch = '';
let project = '';

/** A project outside of this repository, whose packages come from a registry. */
test.before(async (t) => {
  if (noCluster) return;
  t.timeout(5 * 60_000);
  scratch = await mkdtemp(join(tmpdir(), 'weft-package-'));
  project = join(scratch, 'bakery');
  const registry = await startRegistry();
  try {
    await writeBakery(project);
    await run('npm', ['install', '--ignore-scripts'], { cwd: project, env: registry.env });
    for (const name of ['bread', 'oven']) {
      const said = await run(weft, ['package', name], { cwd: project, env: registry.env });
      t.log(said);
    }
  } finally {
    await registry.stop();
  }
});

test.after.always(async () => {
  if (scratch) await rm(scratch, { recursive: true, force: true });
});

/** A namespace that may speak for the bakery, and a database server in it with its administrator's Secret. */
async function bakeryNamespace(t: Parameters<typeof freshNamespace>[0]): Promise<string> {
  const namespace = await freshNamespace(t, 'bakery');
  const { spec } = await get<{ spec: { packages: readonly object[] } }>('meshconfig', 'mesh');
  const setPackages = (packages: readonly object[]) =>
    kubectl(
      ...['patch', 'meshconfig', 'mesh', '--type=merge', '--field-manager=helm'],
      ...['-p', JSON.stringify({ spec: { packages } })],
    );
  await setPackages([...spec.packages, { namespace, protoPackage: 'bakery' }]);
  t.teardown(async () => {
    await setPackages(spec.packages);
  });
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
async function callFrom(pod: PodObject, service: 'bread' | 'oven', method: string): Promise<GrpcOutcome> {
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
  'weft package, then helm install: one service with its database, called as its contract says',
  async (t) => {
    const { shop } = await installed(t);
    const namespace = await bakeryNamespace(t);
    await readyPod(t, namespace, 'app=postgres');
    const out = join(project, 'dist/bread');
    const database = 'database.host=postgres,database.setup.secret=database-admin';
    const install = ['-n', namespace, '-f', join(out, 'values.yaml'), '--set', database, '--wait', '--timeout', '2m'];
    const notes = await helm('upgrade', '--install', 'bread', join(out, 'chart'), ...install);
    t.true(notes.includes(`- { namespace: ${namespace}, protoPackage: bakery.bread }`), notes);

    const orders = await readyPod(t, shop, 'app.kubernetes.io/name=orders');
    const catalog = await readyPod(t, shop, 'app.kubernetes.io/name=catalog');
    const bakeLoaf = '/bakery.bread.v1.BreadService/BakeLoaf';
    await answers(() => callFrom(orders, 'bread', bakeLoaf), 0);
    const refused = await answers(() => callFrom(catalog, 'bread', bakeLoaf), permissionDenied);
    t.is(
      refused.message,
      `weft: shop.catalog may not call bakery.bread.v1.BreadService/BakeLoaf; its contract names shop.orders`,
    );
    const stranger = await runPod(t, { namespace, name: 'stranger', labels: { 'weft.dev/inject': 'false' } });
    const plain = await grpcFrom(stranger, 'http://bread', bakeLoaf, 'bakery.bread');
    t.not(plain.grpcStatus, 0, JSON.stringify(plain));

    t.regex(await helm('test', 'bread', '-n', namespace, '--timeout', '1m'), /Phase:\s+Succeeded/);
    // Again: the role, its password and its data stay.
    await helm('upgrade', '--install', 'bread', join(out, 'chart'), ...install, '--set', 'logLevel=debug');
    const query =
      "select count(*), pg_get_userbyid(relowner) from bread.loaves, pg_class where relname = 'loaves' group by 2";
    const psql = `PGPASSWORD=$POSTGRES_PASSWORD exec psql -h 127.0.0.1 -U postgres -At bakery -c "${query}"`;
    const loaves = await kubectl('exec', '-n', namespace, 'postgres', '--', 'sh', '-c', psql);
    t.regex(loaves.trim(), /^[1-9]\d*\|bread$/);
  },
);

clusterTest('weft package, then helm install: a program without the kit', async (t) => {
  const { shop } = await installed(t);
  const namespace = await bakeryNamespace(t);
  const out = join(project, 'dist/oven');
  await helm('install', 'oven', join(out, 'chart'), '-n', namespace, '-f', join(out, 'values.yaml'));
  await rolledOut(namespace, 'deployment/oven', 60);
  t.regex(await kubectl('logs', '-n', namespace, 'deployment/oven'), /oven serves 250/);

  const orders = await readyPod(t, shop, 'app.kubernetes.io/name=orders');
  const catalog = await readyPod(t, shop, 'app.kubernetes.io/name=catalog');
  const bakeLoaf = '/bakery.oven.v1.OvenService/BakeLoaf';
  await answers(() => callFrom(orders, 'oven', bakeLoaf), 0);
  await answers(() => callFrom(catalog, 'oven', bakeLoaf), permissionDenied);
  t.regex(await helm('test', 'oven', '-n', namespace, '--timeout', '1m'), /Phase:\s+Succeeded/);
  t.is((await podsOf(namespace, 'app.kubernetes.io/name=oven')).length, 1);
});
