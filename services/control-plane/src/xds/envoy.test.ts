import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Resource, type TypeUrl, typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import { controlPlaneName as serverName } from '@weft/compiler/pod/names';
import { findEnvoy, type RunningEnvoy, startEnvoy } from '@weft/dev-envoy';
import test, { type ExecutionContext } from 'ava';
import { openRootAuthority } from '../identity/root-directory.ts';
import { serverCertificate } from '../identity/server-certificate.ts';
import { createDelivery } from './delivery.ts';
import type { SentEvent } from './delivery-events.ts';
import type { TypeState } from './proxy-state.ts';
import {
  bootstrap,
  call,
  eventually,
  freePort,
  realCluster,
  realEndpoints,
  realListener,
  realRoute,
  startApplication,
} from './testing/envoy-mesh.ts';
import { TestViews } from './testing/views.ts';
import { serveXds } from './transport.ts';

const { cluster: CDS, endpoints: EDS, route: RDS } = typeUrls;
const id: WorkloadId = 'bakery/orders-0';
const dir = await mkdtemp(join(tmpdir(), 'weft-'));
const root = await openRootAuthority(join(dir, 'root'));
const { path: envoyPath } = await findEnvoy();
const apps = { a: await startApplication('a'), b: await startApplication('b') };

test.after.always(async () => {
  await Promise.all([apps.a.close(), apps.b.close()]);
  await rm(dir, { recursive: true, force: true });
});

/** Envoy reads it, but cannot make it. */
const badCluster = realCluster('bad', '1s', { transportSocket: { name: 'nope' } });

/** A control plane with one proxy's configuration, and what it sent. */
async function startControlPlane(port: number, resources: readonly Resource[]) {
  const views = new TestViews();
  views.set(id, resources);
  const delivery = createDelivery({ views });
  const sent: SentEvent[] = [];
  delivery.onSent((event) => sent.push(event));
  const server = await serveXds({
    listen: { host: '127.0.0.1', port },
    tls: serverCertificate(root),
    delivery,
    authenticate: async ({ authorization }) =>
      authorization === `Bearer ${id}` ? { ok: true, workload: id } : { ok: false, message: 'no token' },
  });
  const type = (typeUrl: TypeUrl): TypeState | undefined => delivery.proxies().get(id)?.types.get(typeUrl);
  const settled = () => {
    const types = [...(delivery.proxies().get(id)?.types.values() ?? [])];
    return types.length >= 4 && types.every(({ sentVersion, ackedVersion }) => sentVersion === ackedVersion);
  };
  return {
    views,
    delivery,
    sent,
    type,
    port: server.port,
    settled: () => eventually(settled, (done) => done),
    async close() {
      delivery.close();
      await server.close();
    },
  };
}

type ControlPlane = Awaited<ReturnType<typeof startControlPlane>>;

async function startProxy(t: ExecutionContext, apiType: 'DELTA_GRPC' | 'GRPC', xdsPort: number): Promise<RunningEnvoy> {
  const own = await mkdtemp(join(dir, 'e'));
  await mkdir(own, { recursive: true });
  const adminSocket = join(own, 'admin.sock');
  const options = { id, apiType, adminSocket, xdsPort, rootPem: root.pem, serverName };
  return startEnvoy({ envoy: envoyPath, bootstrap: bootstrap(options), dir: own, log: (line) => t.log(line) });
}

/** Envoy's counters and gauges whose names match. */
async function stats(envoy: RunningEnvoy, filter: string): Promise<Record<string, number>> {
  const text = await envoy.admin(`/stats?filter=${encodeURIComponent(filter)}`);
  return Object.fromEntries(
    [...text.matchAll(/^(\S+): (\d+)$/gm)].map(([, name = '', value]) => [name, Number(value)]),
  );
}

const updates = (envoy: RunningEnvoy) =>
  stats(
    envoy,
    '(cds|lds|rds\\..*|cluster\\.[^.]*)\\.(update_success|update_rejected|config_reload)$|(cluster|listener)_modified$',
  );

for (const apiType of ['DELTA_GRPC', 'GRPC'] as const) {
  const name = apiType === 'GRPC' ? 'state of the world' : 'delta';

  test(`${name}: a real Envoy takes clusters, endpoints, a listener and routes, and their changes`, async (t) => {
    const port = await freePort();
    const mesh = (timeout: string, app: number, statPrefix = 'in') => [
      realCluster('orders', timeout),
      realEndpoints('orders', app),
      realListener('in', port, 'in', statPrefix),
      realRoute('in', 'orders'),
    ];
    const plane = await startControlPlane(0, mesh('1s', apps.a.port));
    const envoy = await startProxy(t, apiType, plane.port);
    try {
      t.is(
        await eventually(
          () => call(port),
          (answer) => answer === '200 a',
        ),
        '200 a',
      );
      t.true(await plane.settled());
      t.is(plane.delivery.proxies().get(id)?.envoyVersion, '1.40.0');

      plane.views.set(id, mesh('1s', apps.b.port));
      t.is(
        await eventually(
          () => call(port),
          (answer) => answer === '200 b',
        ),
        '200 b',
      );
      t.deepEqual(names(plane.sent.at(-1)), ['orders']);

      // rule 8: a changed cluster is not left waiting for its endpoints, nor a changed listener for its routes.
      plane.views.set(id, mesh('2s', apps.b.port, 'changed'));
      t.true(await plane.settled());
      const modified = { 'cluster_manager.cluster_modified': 1, 'listener_manager.listener_modified': 1 };
      const done = await eventually(
        () => stats(envoy, 'warming|_modified$'),
        (now) => now['cluster_manager.warming_clusters'] === 0 && now['listener_manager.total_listeners_warming'] === 0,
      );
      t.like(done, {
        ...modified,
        'cluster_manager.warming_clusters': 0,
        'listener_manager.total_listeners_warming': 0,
      });
      t.is(await call(port), '200 b');
    } finally {
      await envoy.stop();
      await plane.close();
    }
  });

  test(`${name}: a refused resource is recorded, sent once, and stops no other`, async (t) => {
    const port = await freePort();
    const otherPort = await freePort();
    const mesh = (extra: readonly Resource[], target = 'a', domains = ['*']) => [
      realCluster('a'),
      realEndpoints('a', apps.a.port),
      realCluster('b'),
      realEndpoints('b', apps.b.port),
      realListener('in', port, 'in'),
      realListener('other', otherPort, 'other'),
      realRoute('in', target),
      realRoute('other', target, domains),
      ...extra,
    ];
    const plane = await startControlPlane(0, mesh([]));
    const envoy = await startProxy(t, apiType, plane.port);
    try {
      t.is(
        await eventually(
          () => call(otherPort),
          (answer) => answer === '200 a',
        ),
        '200 a',
      );
      t.true(await plane.settled());

      plane.views.set(id, mesh([badCluster, realCluster('good'), realEndpoints('good', apps.a.port)]));
      await eventually(
        () => plane.type(CDS)?.nack,
        (nack) => nack !== undefined,
      );
      t.deepEqual(plane.type(CDS)?.nack?.names, ['bad']);
      t.regex(plane.type(CDS)?.nack?.message ?? '', /bad: .*nope/);
      t.true(
        (
          await eventually(
            () => envoy.admin('/clusters'),
            (text) => text.includes('good::'),
          )
        ).includes('good::'),
      );
      const clustersSent = count(plane, CDS);

      // One good route, one without a domain, in one change: the good one is in force.
      plane.views.set(id, mesh([badCluster, realCluster('good')], 'b', []));
      t.is(
        await eventually(
          () => call(port),
          (answer) => answer === '200 b',
        ),
        '200 b',
      );
      await eventually(
        () => plane.type(RDS)?.nack,
        (nack) => nack?.names.join() === 'other',
      );
      t.deepEqual(plane.type(RDS)?.nack?.names, ['other']);
      t.is(await call(otherPort), '200 a');
      const routesSent = count(plane, RDS);

      // What has a new content goes out; what was refused does not.
      plane.views.set(id, [...mesh([badCluster], 'b', []), realEndpoints('a', apps.b.port)]);
      t.is(
        await eventually(
          () => call(otherPort),
          (answer) => answer === '200 b',
        ),
        '200 b',
      );
      t.is(count(plane, RDS), routesSent);
      t.is(count(plane, CDS), clustersSent);

      plane.views.set(id, mesh([], 'b'));
      t.true(await plane.settled());
      const nacks = () => [plane.type(CDS)?.nack, plane.type(RDS)?.nack];
      t.deepEqual(await eventually(nacks, (left) => left.every((nack) => nack === undefined)), [undefined, undefined]);
    } finally {
      await envoy.stop();
      await plane.close();
    }
  });

  test(`${name}: a control plane that comes back sends nothing again, and what changed meanwhile`, async (t) => {
    const port = await freePort();
    const mesh = (app: number, timeout = '1s') => [
      realCluster('orders', timeout),
      realEndpoints('orders', app),
      realListener('in', port, 'in'),
      realRoute('in', 'orders'),
    ];
    const first = await startControlPlane(0, mesh(apps.a.port));
    const envoy = await startProxy(t, apiType, first.port);
    const planes: ControlPlane[] = [first];
    const restart = async (resources: readonly Resource[]): Promise<ControlPlane> => {
      const plane = await startControlPlane(first.port, resources);
      planes.push(plane);
      return plane;
    };
    try {
      t.is(
        await eventually(
          () => call(port),
          (answer) => answer === '200 a',
        ),
        '200 a',
      );
      t.true(await first.settled());
      const before = await updates(envoy);
      t.is(before['cluster.orders.update_success'], 1);
      await first.close();
      t.is(await call(port), '200 a');

      const second = await restart(mesh(apps.a.port));
      t.true(await second.settled());
      t.deepEqual(second.sent, []);
      t.deepEqual(await updates(envoy), before);
      second.views.set(id, mesh(apps.b.port));
      t.is(
        await eventually(
          () => call(port),
          (answer) => answer === '200 b',
        ),
        '200 b',
      );
      t.true(await second.settled());
      await second.close();

      // rule 8: the cluster changed while the control plane was away, its endpoints did not.
      const third = await restart(mesh(apps.b.port, '2s'));
      t.true(await third.settled());
      t.deepEqual(
        third.sent.map(({ typeUrl }) => typeUrl),
        [CDS, EDS],
      );
      const warming = await eventually(
        () => stats(envoy, 'warming_clusters$'),
        (now) => now['cluster_manager.warming_clusters'] === 0,
      );
      t.is(warming['cluster_manager.warming_clusters'], 0);
      t.is(await call(port), '200 b');
    } finally {
      await envoy.stop();
      await planes.at(-1)?.close();
    }
  });

  test(`${name}: rule 9: routes move from cluster to cluster, the old one goes, and no call fails`, async (t) => {
    const port = await freePort();
    const mesh = (cluster: string) => [
      realCluster(cluster),
      realEndpoints(cluster, apps.a.port),
      realListener('in', port, 'in'),
      realRoute('in', cluster),
    ];
    const plane = await startControlPlane(0, mesh('c0'));
    const envoy = await startProxy(t, apiType, plane.port);
    try {
      t.is(
        await eventually(
          () => call(port),
          (answer) => answer === '200 a',
        ),
        '200 a',
      );
      const answers = new Set<string>();
      const over = new AbortController();
      const load = (async () => {
        while (!over.signal.aborted) answers.add(await call(port));
      })();
      t.teardown(() => over.abort());
      for (let round = 1; round <= 12; round++) {
        plane.views.set(id, mesh(`c${round}`));
        t.true(await plane.settled());
        const left = await eventually(
          async () =>
            [...(await envoy.admin('/clusters')).matchAll(/^(c\d+)::default_priority/gm)].map((found) => found[1]),
          (names) => !names.includes(`c${round - 1}`) && names.includes(`c${round}`),
        );
        t.deepEqual([...new Set(left)], [`c${round}`]);
      }
      over.abort();
      await load;
      t.deepEqual([...answers], ['200 a']);
    } finally {
      await envoy.stop();
      await plane.close();
    }
  });
}

test('delta: a cluster that Envoy cannot even read stops no other', async (t) => {
  const plane = await startControlPlane(0, [
    realCluster('a'),
    realCluster('unreadable', '-1s'),
    realCluster('b'),
    realListener('in', await freePort(), 'in'),
  ]);
  const envoy = await startProxy(t, 'DELTA_GRPC', plane.port);
  try {
    const taken = (text: string) => text.includes('a::') && text.includes('b::');
    t.true(taken(await eventually(() => envoy.admin('/clusters').catch(() => ''), taken)));
    await eventually(
      () => plane.type(CDS)?.nack?.names.join(),
      (refused) => refused === 'unreadable',
    );
    t.deepEqual(plane.type(CDS)?.nack?.names, ['unreadable']);
    t.is(plane.sent.filter((event) => names(event).includes('unreadable')).length, 2);
  } finally {
    await envoy.stop();
    await plane.close();
  }
});

function names(event: SentEvent | undefined): readonly string[] {
  return event?.resources.map(({ name }) => name) ?? [];
}

function count(plane: ControlPlane, typeUrl: TypeUrl): number {
  return plane.sent.filter((event) => event.typeUrl === typeUrl).length;
}
