import test, { type ExecutionContext } from 'ava';
import { FakeApiServer } from '../kubernetes/fake-api-server.fixture.ts';
import { Lease } from '../kubernetes/lease.ts';
import { ReplicaLeases } from '../replicas/replica-leases.ts';
import { makeRoot } from './root-authority.ts';
import { RootConfigMaps } from './root-config-maps.ts';
import { RootSecret } from './root-secret.ts';
import { openRotation, type RotationSetting } from './rotation.fixture.ts';

const secrets = '/api/v1/secrets';
const configMaps = '/api/v1/configmaps';
const leases = '/apis/coordination.k8s.io/v1/leases';
const namespace = 'weft-system';
const silent = { info() {}, warn() {} };

async function start(t: ExecutionContext) {
  const fake = await FakeApiServer.start(t);
  const api = fake.api();
  t.teardown(() => api.close());
  return { fake, api };
}

async function until(t: ExecutionContext, what: string, holds: () => boolean): Promise<void> {
  for (let left = 400; left > 0; left--) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.fail(`not in time: ${what}`);
}

test('two replicas that start at once agree on one root; a restored Secret is the same mesh', async (t) => {
  const { fake, api } = await start(t);
  const options = (): RotationSetting => ({
    store: new RootSecret({ api, namespace }),
    waitingFor: () => [],
    settleMs: 0,
    lifetimeMs: () => 1000,
    onChange: () => {},
    log: silent,
  });
  const [one, two] = await Promise.all([openRotation(options()), openRotation(options())]);
  t.is(one.signer.fingerprint, two.signer.fingerprint);
  const backup = fake.get(secrets, namespace, 'weft-root-ca');
  fake.delete(secrets, namespace, 'weft-root-ca');
  fake.put(secrets, { ...backup });
  t.is((await openRotation(options())).signer.fingerprint, one.signer.fingerprint);
  t.deepEqual((await openRotation(options())).signer.secret, one.signer.secret);
});

test('a rotation is in the Secret at every step, and a writer that is behind is refused', async (t) => {
  const { fake, api } = await start(t);
  const store = new RootSecret({ api, namespace });
  t.is(await store.load(), undefined);
  const current = makeRoot();
  await store.save({ phase: 'steady', current });
  const behind = new RootSecret({ api, namespace });
  await behind.load();
  const spreading = { phase: 'spreading', current, next: makeRoot(), sinceMs: 5 } as const;
  await store.save(spreading);
  t.deepEqual(await new RootSecret({ api, namespace }).load(), spreading);
  await t.throwsAsync(behind.save({ phase: 'steady', current }), { message: /has been modified/ });
  await store.save({ phase: 'steady', current: spreading.next });
  const { data }: { data?: object } = Object(fake.get(secrets, namespace, 'weft-root-ca'));
  t.deepEqual(Object.keys(data ?? {}).sort(), ['root.key', 'root.pem']);
  t.deepEqual(await behind.load(), { phase: 'steady', current: spreading.next });
});

test('a Secret that cannot be used is an error, never replaced', async (t) => {
  const { fake, api } = await start(t);
  for (const data of [undefined, { 'root.key': 'eA==', 'root.pem': 'eA==' }, { 'rotation.json': 'eA==' }]) {
    const put = fake.put(secrets, { metadata: { namespace, name: 'weft-root-ca' }, data });
    await t.throwsAsync(new RootSecret({ api, namespace }).load(), { name: 'RootAuthorityError' });
    t.is(fake.get(secrets, namespace, 'weft-root-ca')?.metadata.resourceVersion, put.metadata.resourceVersion);
  }
});

test('every namespace of the mesh has the roots, mended when somebody changes them', async (t) => {
  const { fake, api } = await start(t);
  const namespaces = new Set(['bakery', 'other']);
  let bundle = makeRoot().roots;
  let decides = false;
  const times = { firstRetryMs: 5, lastRetryMs: 20 };
  const options = {
    api,
    namespaces: () => namespaces,
    bundle: () => bundle,
    decides: () => decides,
    log: silent,
    times,
  };
  const published = new RootConfigMaps(options);
  published.start();
  t.teardown(() => published.close());
  const pem = (name: string): unknown => {
    const { data }: { data?: Record<string, unknown> } = Object(fake.get(configMaps, name, 'weft-root'));
    return data?.['root.pem'];
  };
  await until(t, 'the list', () => fake.requests.includes(`WATCH ${configMaps}`));
  t.is(pem('bakery'), undefined, 'a replica that does not decide writes nothing');
  decides = true;
  published.look();
  await until(t, 'both', () => pem('bakery') === bundle && pem('other') === bundle);
  const version = fake.get(configMaps, 'bakery', 'weft-root')?.metadata.resourceVersion;
  published.look();
  fake.delete(configMaps, 'other', 'weft-root');
  await until(t, 'it is back', () => pem('other') === bundle);
  t.is(fake.get(configMaps, 'bakery', 'weft-root')?.metadata.resourceVersion, version, 'what is right is left alone');
  fake.put(configMaps, { metadata: { namespace: 'bakery', name: 'weft-root' }, data: { 'root.pem': 'forged' } });
  await until(t, 'it is mended', () => pem('bakery') === bundle);
  bundle = makeRoot().roots;
  published.look();
  await until(t, 'the new root', () => pem('bakery') === bundle && pem('other') === bundle);
  namespaces.delete('other');
  published.look();
  await until(t, 'it is gone', () => fake.get(configMaps, 'other', 'weft-root') === undefined);
});

test('a lease has one holder; it is lost before another may take it, and given up at the end', async (t) => {
  const { fake, api } = await start(t);
  let nowMs = Date.UTC(2026, 10, 22);
  const changes: string[] = [];
  const lease = (holder: string) => {
    const onChange = (held: boolean) => void changes.push(`${holder} ${held}`);
    return new Lease({ api, namespace, name: 'weft', holder, durationMs: 15_000, now: () => nowMs, onChange });
  };
  const [one, two] = [lease('one'), lease('two')];
  await one.attempt();
  await two.attempt();
  t.deepEqual([one.held, two.held], [true, false]);
  nowMs += 9999;
  t.true(one.held);
  nowMs += 1;
  t.false(one.held, 'not renewed for two thirds of its time');
  await two.attempt();
  t.false(two.held, 'nobody may take it yet');
  nowMs += 5000;
  await two.attempt();
  t.deepEqual([one.held, two.held], [false, true]);
  await one.attempt();
  t.false(one.held);
  await two.close();
  await one.attempt();
  t.true(one.held, 'given up, so taken at once');
  const { spec }: { spec?: { holderIdentity?: string } } = Object(fake.get(leases, namespace, 'weft'));
  t.is(spec?.holderIdentity, 'one');
  t.deepEqual(changes, ['one true', 'two true', 'one false', 'one true']);
});

test('a rotation waits for the proxies of other replicas, and not for replicas that are gone', async (t) => {
  const { api } = await start(t);
  let nowMs = Date.now();
  const waiting = new Map<string, string[]>([
    ['one', []],
    ['two', ['bakery/orders-0']],
  ]);
  const replica = (name: string) =>
    new ReplicaLeases({ api, namespace, replica: name, waitingFor: () => waiting.get(name) ?? [], now: () => nowMs });
  const [one, two] = [replica('one'), replica('two')];
  await one.tell('new');
  t.deepEqual(await one.others('new'), []);
  await two.tell('new');
  t.deepEqual(await one.others('new'), ['the proxies of two']);
  waiting.set('two', []);
  await two.tell('new');
  t.deepEqual(await one.others('new'), []);
  t.deepEqual(await one.others('newer'), ['the proxies of two']);
  nowMs += 31_000;
  t.deepEqual(await one.others('newer'), []);
  await two.tell('old');
  await two.close();
  t.deepEqual(await one.others('newer'), []);
});
