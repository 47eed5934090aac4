import { X509Certificate } from 'node:crypto';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { Graph } from '@weft/collections';
import type { Facts } from '@weft/compiler/facts/facts';
import type { Override } from '@weft/compiler/model/override';
import { weftRef } from '@weft/compiler/model/resource-ref';
import { FactsAfterTurn } from '@weft/compiler/testing/facts-after-turn';
import test, { type ExecutionContext } from 'ava';
import { makeRoot } from '../identity/root-authority.ts';
import { FakeApiServer } from '../kubernetes/fake-api-server.fixture.ts';
import { fill, objects, paths } from '../sources/kubernetes/cluster.fixture.ts';
import type { Stage } from './environment.ts';
import { serveHealth } from './health.ts';
import { kubernetesEnvironment } from './kubernetes.ts';
import { sidecarSettings } from './sidecar-settings.ts';

const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
const overridesPath = '/apis/weft.dev/v1/meshoverrides';
const host = '127.0.0.1';

async function until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (let left = 500; left > 0; left--) {
    const found = await look();
    if (found) return found;
    await sleep(10);
  }
  throw new Error(`not in time: ${what}`);
}

/** A replica of the control plane's environment, on a fake API server. */
async function replica(
  t: ExecutionContext,
  fake: FakeApiServer,
  name: string,
  webhookPort?: number,
  overrides: () => readonly Override[] = () => [],
) {
  const api = fake.api();
  const settings = sidecarSettings({ namespace: 'weft-system', xdsPort: 15_012 });
  const environment = kubernetesEnvironment({
    api,
    namespace: 'weft-system',
    replica: name,
    leaveMs: 0,
    ...(webhookPort === undefined ? {} : { webhook: { listen: { host, port: webhookPort }, settings } }),
  });
  const bundle = makeRoot().roots;
  const facts: Facts[] = [];
  const dropped: string[] = [];
  const warnings: string[] = [];
  const graph = new Graph();
  const afterTurn = new FactsAfterTurn(environment.facts(graph));
  const stage: Stage = {
    log: {
      info() {},
      warn: (_, message) => void warnings.push(message),
      error: (_, message) => void warnings.push(message),
    },
    turn: (change) => {
      const turn = graph.turn(change);
      const found = afterTurn.take(turn);
      if (found === facts.at(-1)) return turn;
      facts.push(found);
      environment.report(
        found.problems.map((problem) => ({ ...problem, sinceMs: 0 })),
        overrides(),
      );
      return turn;
    },
    drop: (id) => void dropped.push(id),
    bundle: () => bundle,
    unacknowledged: () => [],
  };
  await environment.open(stage);
  t.teardown(() => environment.close());
  return { environment, facts, dropped, warnings, bundle };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message: string;
}

function conditions(fake: FakeApiServer, path: string, namespace: string, name: string): readonly Condition[] {
  const { status }: { status?: { conditions?: Condition[] } } = Object(fake.get(path, namespace, name));
  return status?.conditions ?? [];
}

test('what a user wrote says what became of it: conditions on ours, Events on others', async (t) => {
  const fake = await FakeApiServer.start(t);
  fill(fake);
  const policy = { metadata: { namespace: 'bakery', name: 'good', generation: 3 }, spec: { service: 'orders' } };
  fake.put(paths.meshPolicies, policy);
  fake.put(paths.services, objects.service('bad', { spec: { ports: [{ port: 70_000 }] } }));
  const { facts } = await replica(t, fake, 'one');
  t.is(facts.length, 1);
  const said = await until('the condition', () => conditions(fake, paths.meshPolicies, 'bakery', 'good')[0]);
  t.like(said, { type: 'Accepted', status: 'True', reason: 'Accepted', observedGeneration: 3 });
  const events = () => fake.all('/api/v1/events');
  const [event] = await until('the Event', () => events().length > 0 && events());
  t.like(event, {
    type: 'Warning',
    reason: 'MeshProblem',
    involvedObject: { kind: 'Service', namespace: 'bakery', name: 'bad' },
  });
  t.regex(String(event?.message), /^spec\.ports\[0\]\.port: is 70000; expected: a port/);
  fake.put(paths.pods, objects.pod('orders-1', { ip: '10.1.0.2' }));
  await until('the change', () => facts.length > 1);
  await sleep(300);
  t.is(events().length, 1, 'said once');
  t.is(fake.requests.filter((request) => request.startsWith('PATCH') && request.includes('meshpolicies')).length, 1);
});

test('an override says that it holds and that it has ended: by a condition, and by an Event at each turn', async (t) => {
  const fake = await FakeApiServer.start(t);
  fill(fake);
  const spec = { service: 'orders', deny: ['bakery.cart'], reason: 'it loops', expires: '2100-01-01T00:00:00Z' };
  fake.put(overridesPath, { metadata: { namespace: 'bakery', name: 'stop', generation: 1 }, spec });
  const override: Override = {
    id: 'bakery/stop',
    ref: weftRef('MeshOverride', 'stop', 'bakery'),
    service: 'bakery/orders',
    methods: [],
    effects: [{ kind: 'deny', caller: 'bakery.cart' }],
    refusals: [],
    state: 'active',
    reason: 'it loops',
    by: 'ann',
    expiresMs: Date.UTC(2100, 0, 1),
    origin: 'MeshOverride bakery/stop',
  };
  let now: readonly Override[] = [override];
  const { environment } = await replica(t, fake, 'one', undefined, () => now);
  const said = (reason: string) => fake.all('/api/v1/events').find((event) => event.reason === reason);
  const holds = await until('it holds', () => said('OverrideHolds'));
  t.like(holds, {
    type: 'Normal',
    message: 'denies bakery.cart, until 2100-01-01T00:00:00.000Z; why: it loops (ann)',
    involvedObject: { apiVersion: 'weft.dev/v1', kind: 'MeshOverride', namespace: 'bakery', name: 'stop' },
  });
  const condition = (type: string) =>
    conditions(fake, overridesPath, 'bakery', 'stop').find((each) => each.type === type);
  t.like(condition('Active'), { status: 'True', reason: 'Holds' });
  t.like(condition('Accepted'), { status: 'True' });
  // The source has to hear of what was written before more is said.
  await until('it is read back', () => fake.requests.some((request) => request.startsWith('PATCH')));
  now = [{ ...override, state: 'ended', effects: [] }];
  environment.report([], now);
  const ended = await until('it has ended', () => said('OverrideEnded'));
  t.like(ended, { type: 'Normal', message: 'it has ended by itself, at 2100-01-01T00:00:00.000Z' });
  t.like(condition('Active'), { status: 'False', reason: 'Ended' });
  environment.report([], now);
  await sleep(300);
  t.is(fake.all('/api/v1/events').length, 2, 'each once');
});

test('one of two replicas decides; the other takes over when it goes', async (t) => {
  const fake = await FakeApiServer.start(t);
  fill(fake);
  const one = await replica(t, fake, 'one');
  const two = await replica(t, fake, 'two');
  await until('one decides', () => one.environment.decides());
  t.false(two.environment.decides());
  t.deepEqual(await one.environment.othersWaiting('another'), ['the proxies of two']);
  t.deepEqual(await one.environment.othersWaiting(two.bundle), []);
  await one.environment.close();
  t.deepEqual(await two.environment.othersWaiting('another'), [], 'who has gone is not waited for');
});

test('the API server trusts the injector in each webhook of its configuration', async (t) => {
  const fake = await FakeApiServer.start(t);
  fill(fake);
  const webhooks = ['namespace', 'pod'].map((name) => ({ name: `${name}.injector.weft.dev`, clientConfig: {} }));
  fake.put(configurations, { metadata: { name: 'weft-injector' }, webhooks });
  const port = 20_000 + (process.pid % 20_000);
  const { environment, warnings } = await replica(t, fake, 'one', port);
  await until('it decides', () => environment.decides());
  const bundles = () => {
    const { webhooks: now }: { webhooks?: { clientConfig: { caBundle?: string } }[] } = Object(
      fake.get(configurations, '', 'weft-injector'),
    );
    return now?.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString()) ?? [];
  };
  const [ca] = await until('the bundle', () => bundles().every((bundle) => bundle !== '') && bundles());
  t.is(bundles().length, 2);
  const servername = 'weft-webhook.weft-system.svc';
  const socket = connect({ host, port, servername, ca: ca ?? '' });
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  t.true(socket.authorized);
  t.true(new X509Certificate(socket.getPeerCertificate().raw).checkHost(servername) !== undefined);
  socket.destroy();
  t.deepEqual(warnings, []);
});

test('health: alive from the start, ready when it is said', async (t) => {
  const health = await serveHealth({ host, port: 0 });
  t.teardown(() => health.close());
  const ask = (path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = get({ host, port: health.port, path }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.once('error', reject);
    });
  t.is(await ask('/healthz'), 200);
  t.is(await ask('/readyz'), 503);
  health.setReady(true);
  t.is(await ask('/readyz'), 200);
  t.is(await ask('/'), 404);
});
