import type { WorkloadId } from '@weft/compiler/model/mesh';
import test, { type ExecutionContext } from 'ava';
import { FakeApiServer } from '../kubernetes/fake-api-server.fixture.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { KubernetesTokens, type KubernetesTokensOptions, ReviewUnavailable } from './kubernetes-tokens.ts';

const path = '/apis/authentication.k8s.io/v1/tokenreviews';
const nowMs = Date.UTC(2026, 10, 22);

function token(claims: object = {}, mark = 'signature'): string {
  const payload = { aud: ['weft'], exp: nowMs / 1000 + 600, ...claims };
  return ['e30', Buffer.from(JSON.stringify(payload)).toString('base64url'), mark].join('.');
}

function granted(name: string, uid: string) {
  const extra = { 'authentication.kubernetes.io/pod-name': [name], 'authentication.kubernetes.io/pod-uid': [uid] };
  const user = { username: 'system:serviceaccount:bakery:orders', extra };
  return { status: 201, body: { status: { authenticated: true, audiences: ['weft'], user } } };
}

async function open(t: ExecutionContext, more: Partial<KubernetesTokensOptions> = {}) {
  const fake = await FakeApiServer.start(t);
  const api = fake.api();
  t.teardown(() => api.close());
  const pods = new Map<WorkloadId, KubernetesObject>([
    ['bakery/orders-0', { metadata: { name: 'orders-0', uid: 'one' } }],
  ]);
  const revoked: WorkloadId[] = [];
  const clock = { nowMs };
  const reviews = () => fake.requests.filter((request) => request === `POST ${path}`).length;
  const tokens = new KubernetesTokens({
    api,
    pod: (id) => pods.get(id),
    onRevoked: (id) => revoked.push(id),
    now: () => clock.nowMs,
    ...more,
  });
  const ask = (text: string) => tokens.authenticate({ authorization: `Bearer ${text}` });
  return { fake, pods, revoked, tokens, ask, clock, reviews };
}

test('a token proves its pod; the answer is kept until the token ends', async (t) => {
  const { fake, ask, clock, reviews } = await open(t);
  const bodies: unknown[] = [];
  fake.onPost(path, (body) => {
    bodies.push(body);
    return granted('orders-0', 'one');
  });
  const [one, two] = await Promise.all([ask(token()), ask(token())]);
  t.deepEqual(one, { ok: true, workload: 'bakery/orders-0' });
  t.deepEqual(two, one);
  t.deepEqual(await ask(token()), one);
  t.is(reviews(), 1);
  t.like(bodies[0], { kind: 'TokenReview', spec: { audiences: ['weft'], token: token() } });
  clock.nowMs += 600_000;
  t.deepEqual(await ask(token()), {
    ok: false,
    message: `the token ended at ${new Date(nowMs + 600_000).toISOString()}`,
  });
  t.is(reviews(), 1);
});

test('what cannot be right is refused without asking anybody', async (t) => {
  const { ask, tokens, reviews } = await open(t);
  const cases: [string, RegExp][] = [
    [token({ aud: ['https://kubernetes.default.svc'] }), /audience "https:\/\/kubernetes.default.svc", not "weft"/],
    [token({ exp: nowMs / 1000 }), /the token ended at 2026-11-22/],
    ['rubbish', /none of a service account/],
    ['a.b.c', /none of a service account/],
  ];
  for (const [text, message] of cases) {
    const answer = await ask(text);
    t.regex(answer.ok ? '' : answer.message, message);
  }
  t.deepEqual(await tokens.authenticate({}), { ok: false, message: 'the call has no bearer token' });
  t.is(reviews(), 0);
});

test('what the API server does not confirm is refused, and not asked for again at once', async (t) => {
  const { fake, ask, reviews, clock } = await open(t);
  const audience = {
    authenticated: true,
    audiences: ['other'],
    user: { username: 'system:serviceaccount:bakery:orders' },
  };
  const noPod = { authenticated: true, audiences: ['weft'], user: { username: 'system:serviceaccount:bakery:orders' } };
  const cases: [object, RegExp][] = [
    [{ authenticated: false, error: 'bad signature' }, /does not know the token: bad signature/],
    [audience, /does not know the token/],
    [noPod, /bound to no pod/],
    [{ ...noPod, user: { username: 'system:node:a' } }, /bound to no pod/],
  ];
  for (const [index, [status, message]] of cases.entries()) {
    fake.onPost(path, () => ({ status: 201, body: { status } }));
    const text = token({}, String(index));
    for (let n = 0; n < 3; n++) {
      const answer = await ask(text);
      t.regex(answer.ok ? '' : answer.message, message);
    }
    t.is(reviews(), index + 1);
  }
  clock.nowMs += 10_000;
  fake.onPost(path, () => granted('orders-0', 'one'));
  t.true((await ask(token({}, '0'))).ok);
});

test("a pod that is gone takes its token and its stream with it; its successor's uid is another", async (t) => {
  const { fake, pods, ask, tokens, revoked } = await open(t);
  fake.onPost(path, () => granted('orders-0', 'one'));
  t.true((await ask(token())).ok);
  tokens.podsChanged(pods.keys());
  t.deepEqual(revoked, []);
  pods.set('bakery/orders-0', { metadata: { name: 'orders-0', uid: 'two' } });
  tokens.podsChanged(pods.keys());
  t.deepEqual(revoked, ['bakery/orders-0']);
  const answer = await ask(token());
  t.regex(answer.ok ? '' : answer.message, /a pod bakery\/orders-0 that is gone/);
});

test('a pod that is not known yet, and an API server that is away, are no refusals', async (t) => {
  const { fake, pods, ask } = await open(t);
  fake.onPost(path, () => granted('orders-1', 'three'));
  await t.throwsAsync(ask(token()), { instanceOf: ReviewUnavailable });
  pods.set('bakery/orders-1', { metadata: { name: 'orders-1', uid: 'three' } });
  t.deepEqual(await ask(token()), { ok: true, workload: 'bakery/orders-1' });
  fake.onPost(path, () => ({ status: 500, body: {} }));
  await t.throwsAsync(ask(token({}, 'another')));
  fake.onPost(path, () => granted('orders-1', 'three'));
  t.true((await ask(token({}, 'another'))).ok);
});

test('the API server is asked at a bounded rate', async (t) => {
  const { fake, ask, reviews, clock } = await open(t, { rate: { perSecond: 10, burst: 5 } });
  fake.onPost(path, () => granted('orders-0', 'one'));
  const many = (round: string) =>
    Promise.allSettled(Array.from({ length: 50 }, (_, n) => ask(token({}, `${round}${n}`))));
  t.is((await many('a')).filter(({ status }) => status === 'fulfilled').length, 5);
  t.is(reviews(), 5);
  clock.nowMs += 300;
  t.is((await many('b')).filter(({ status }) => status === 'fulfilled').length, 3);
});
