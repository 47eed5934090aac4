import { typeUrls } from '@weft/compiler/envoy/resource';
import test from 'ava';
import { digestOf, setVersion } from './offer.ts';
import { brief, names, TestStream } from './testing/client.ts';
import { cluster, endpoints, listener, route, secret, snapshotOf } from './testing/resources.ts';

const { cluster: CDS, endpoints: EDS, secret: SDS, listener: LDS, route: RDS } = typeUrls;

const base = [
  cluster('a'),
  cluster('b'),
  endpoints('a'),
  endpoints('b'),
  secret('identity'),
  listener('in'),
  route('in'),
];

/** A client that has asked for all of `base` and taken it. */
function settled(resources = base): TestStream {
  const stream = new TestStream('delta', snapshotOf(resources));
  for (const [typeUrl, subscribe] of [
    [CDS, []],
    [EDS, ['a', 'b']],
    [SDS, ['identity']],
    [LDS, []],
    [RDS, ['in']],
  ] as const) {
    stream.delta(typeUrl, { subscribe });
    ackAll(stream);
  }
  return stream;
}

const answered = new WeakMap<TestStream, number>();

/** Acknowledges every response that was not answered yet, also those that come of it. */
function ackAll(stream: TestStream): void {
  for (let at = answered.get(stream) ?? 0; at < stream.responses.length; at++) {
    const response = stream.responses[at];
    if (response) stream.delta(response.typeUrl, { nonce: response.nonce });
    answered.set(stream, at + 1);
  }
}

/** Counts the responses so far as answered. */
function skip(stream: TestStream): void {
  answered.set(stream, stream.responses.length);
}

test('rule 1: a refused resource is not sent again until its content changes', (t) => {
  const stream = new TestStream('delta', snapshotOf([cluster('a')]));
  const [first] = stream.delta(CDS);
  t.deepEqual(stream.delta(CDS, { nonce: first?.nonce ?? '', error: 'a: bad' }), []);
  t.deepEqual(stream.snapshot(snapshotOf([cluster('a')])), []);
  t.deepEqual(brief(stream.snapshot(snapshotOf([cluster('a', 'b')]))), ['cluster a']);
});

test('rule 1: an empty version with an error is a refusal, and it names the resource', (t) => {
  const stream = new TestStream('delta', snapshotOf([cluster('good'), cluster('bad'), cluster('bad|2')]));
  const [first] = stream.delta(CDS);
  const sent = stream.delta(CDS, { nonce: first?.nonce ?? '', error: 'Error adding/updating cluster(s) bad: no' });
  t.deepEqual(sent, []);
  const refused = stream.effects.find((effect) => effect.kind === 'refused');
  t.deepEqual(refused?.refusal.names, ['bad']);
});

test('rule 1: of several clusters that were refused before any was read, each is tried once by itself', (t) => {
  const stream = new TestStream('delta', snapshotOf([cluster('good'), cluster('bad')]));
  const [both] = stream.delta(CDS);
  const alone = stream.delta(CDS, {
    nonce: both?.nonce ?? '',
    error: 'name: "bad" : Proto constraint validation failed',
  });
  t.deepEqual(stream.state.watches.get(CDS)?.refusal?.names, ['bad']);
  t.deepEqual(brief(alone).sort(), ['cluster bad', 'cluster good']);
  for (const { nonce, resources } of alone) {
    const error = resources[0]?.name === 'bad' ? { error: 'no' } : {};
    t.deepEqual(stream.delta(CDS, { nonce, ...error }), []);
  }
});

test('rule 1: of several refused routes each is tried once by itself, then never again', (t) => {
  const stream = settled([...base, route('x'), route('y')]);
  const [both] = stream.delta(RDS, { subscribe: ['x', 'y'] });
  skip(stream);
  const alone = stream.delta(RDS, { nonce: both?.nonce ?? '', error: 'no' });
  t.deepEqual(brief(alone), ['route x', 'route y']);
  t.deepEqual(stream.delta(RDS, { nonce: alone[0]?.nonce ?? '' }), []);
  t.deepEqual(stream.delta(RDS, { nonce: alone[1]?.nonce ?? '', error: 'no' }), []);
  const watch = stream.state.watches.get(RDS);
  t.deepEqual([...(watch?.refused.keys() ?? [])], ['y']);
  t.deepEqual(watch?.refusal?.names, ['y']);
});

test('rule 2: each response has a nonce of its own, and one type knows nothing of another type nonce', (t) => {
  const stream = settled();
  const nonces = stream.responses.map(({ nonce }) => nonce);
  t.is(new Set(nonces).size, nonces.length);
  const [change] = stream.snapshot(snapshotOf([...base, secret('identity', 'b')]));
  t.is(change?.typeUrl, SDS);
  stream.delta(EDS, { nonce: change?.nonce ?? '' });
  t.is(stream.state.watches.get(SDS)?.outstanding.length, 1);
});

test('rule 3: a stale nonce acknowledges nothing, but its subscriptions count', (t) => {
  const stream = new TestStream('delta', snapshotOf(base));
  const [first] = stream.delta(EDS, { subscribe: ['a'] });
  const second = stream.delta(EDS, { nonce: 'stale', error: 'ignored', subscribe: ['b'] });
  t.deepEqual(brief(second), ['endpoints b']);
  t.deepEqual(
    stream.state.watches.get(EDS)?.outstanding.map(({ nonce }) => nonce),
    [first?.nonce, second[0]?.nonce],
  );
  t.false(stream.effects.some(({ kind }) => kind === 'refused'));
});

test('rule 4: an empty first request of clusters or listeners asks for everything, of other types for nothing', (t) => {
  const stream = new TestStream('delta', snapshotOf(base));
  t.deepEqual(brief(stream.delta(CDS)), ['cluster a,b']);
  t.deepEqual(stream.delta(SDS), []);
  ackAll(stream);
  stream.delta(CDS, { unsubscribe: ['*'] });
  t.deepEqual(stream.snapshot(snapshotOf([...base, cluster('c')])), []);
});

test('rule 4: an empty request after a name was given asks for nothing new', (t) => {
  const stream = new TestStream('delta', snapshotOf(base));
  stream.delta(CDS, { subscribe: ['a'] });
  t.deepEqual(stream.delta(CDS), []);
  t.false(stream.state.watches.get(CDS)?.subscription.wildcard);
});

test('rule 5: a subscription to what the client holds is answered', (t) => {
  const stream = settled();
  t.deepEqual(brief(stream.delta(EDS, { subscribe: ['a', 'a'] })), ['endpoints a']);
});

test('rule 5: a name that is unsubscribed but still covered by * is answered, by the resource or its removal', (t) => {
  const stream = settled();
  stream.delta(CDS, { subscribe: ['a', 'gone'] });
  ackAll(stream);
  const sent = stream.delta(CDS, { unsubscribe: ['a', 'gone'] });
  t.deepEqual(brief(sent).slice(0, 1), ['cluster a -gone']);
});

test('rule 6: a resource that does not exist is named as removed, and sent when it appears', (t) => {
  const stream = new TestStream('delta', snapshotOf(base));
  t.deepEqual(brief(stream.delta(EDS, { subscribe: ['later'] })), ['endpoints -later']);
  ackAll(stream);
  t.deepEqual(brief(stream.snapshot(snapshotOf([...base, endpoints('later')]))), ['endpoints later']);
});

test('rule 7: everything of nothing is answered, so that the client need not wait', (t) => {
  const stream = new TestStream('delta', snapshotOf([]));
  t.deepEqual(brief(stream.delta(CDS)), ['cluster']);
  t.deepEqual(stream.delta(RDS), []);
});

test('rule 8: a changed cluster has its endpoints sent again, after it', (t) => {
  const stream = settled();
  t.deepEqual(brief(stream.snapshot(snapshotOf([...base, cluster('a', 'b')]))), ['cluster a', 'endpoints a']);
});

test('rule 8: endpoints under another name than the cluster are found', (t) => {
  const resources = [cluster('a', 'a', 'shared'), cluster('b', 'a', 'shared'), endpoints('shared')];
  const stream = new TestStream('delta', snapshotOf(resources));
  stream.delta(CDS);
  stream.delta(EDS, { subscribe: ['shared'] });
  ackAll(stream);
  const sent = stream.snapshot(snapshotOf([...resources, cluster('b', 'b', 'shared')]));
  t.deepEqual(brief(sent), ['cluster b', 'endpoints shared']);
});

test('rule 8: a cluster that changed while the stream was down has its endpoints sent again', (t) => {
  const before = settled();
  const stream = new TestStream('delta', snapshotOf([...base, cluster('a', 'b')]));
  t.deepEqual(brief(stream.delta(CDS, { initial: versions(before, CDS) })), ['cluster a']);
  const sent = stream.delta(EDS, { subscribe: ['a', 'b'], initial: versions(before, EDS) });
  t.deepEqual(brief(sent), ['endpoints a']);
});

test('rule 8: a cluster that was changed just before the stream broke has its endpoints sent on the next', (t) => {
  const before = settled();
  const old = versions(before, EDS);
  const changed = snapshotOf([...base, cluster('a', 'b')]);
  before.snapshot(changed);
  // The client took the cluster, but the stream broke before the endpoints came.
  const stream = new TestStream('delta', changed);
  t.deepEqual(stream.delta(CDS, { initial: versions(before, CDS) }), []);
  t.deepEqual(brief(stream.delta(EDS, { subscribe: ['a', 'b'], initial: old })), ['endpoints a']);
});

test('rule 8: a cluster that the client refused and is sent again on the next stream brings its endpoints', (t) => {
  const before = settled();
  const old = versions(before, CDS);
  const changed = snapshotOf([...base, cluster('a', 'b')]);
  before.snapshot(changed);
  const stream = new TestStream('delta', changed);
  t.deepEqual(brief(stream.delta(CDS, { initial: old })), ['cluster a']);
  const sent = stream.delta(EDS, { subscribe: ['a', 'b'], initial: versions(before, EDS) });
  t.deepEqual(brief(sent), ['endpoints a']);
});

test('rule 8: a changed listener has its routes sent again, after it', (t) => {
  const stream = settled();
  t.deepEqual(brief(stream.snapshot(snapshotOf([...base, listener('in', 'b')]))), ['listener in', 'route in']);
});

test('rule 9: clusters, endpoints, secrets, then listeners and routes once those are taken, stale clusters last', (t) => {
  const stream = settled();
  const next = [
    cluster('b'),
    cluster('c'),
    endpoints('b'),
    endpoints('c'),
    secret('identity', 'b'),
    listener('in', 'b'),
    route('in', 'b'),
  ];
  t.deepEqual(brief(stream.snapshot(snapshotOf(next))), ['cluster c', 'secret identity']);
  t.true(stream.waiting);
  t.deepEqual(brief(stream.delta(EDS, { subscribe: ['c'] })), ['endpoints c']);
  const from = stream.responses.length;
  ackAll(stream);
  t.deepEqual(brief(stream.responses.slice(from)), ['listener in', 'route in', 'cluster -a', 'endpoints -a']);
  t.false(stream.waiting);
});

test('rule 9: a client that refuses its routes keeps the clusters that the old ones need', (t) => {
  const stream = settled();
  const [routes] = stream.snapshot(snapshotOf([cluster('b'), endpoints('b'), listener('in'), route('in', 'b')]));
  t.is(routes?.typeUrl, SDS);
  const change = stream.responses.find(
    ({ typeUrl, nonce }) => typeUrl === RDS && Number(nonce) > Number(routes?.nonce),
  );
  skip(stream);
  stream.delta(RDS, { nonce: change?.nonce ?? '', error: 'no' });
  t.true(stream.state.watches.get(CDS)?.held.has('a'));
  const from = stream.responses.length;
  stream.snapshot(snapshotOf([cluster('b'), endpoints('b'), listener('in'), route('in', 'c')]));
  ackAll(stream);
  t.true(brief(stream.responses.slice(from)).includes('cluster -a'));
});

test('rule 9: on a new stream a stale cluster stays until listeners and routes are asked for and taken', (t) => {
  const before = settled();
  const stream = new TestStream('delta', snapshotOf([cluster('b'), endpoints('b'), listener('in'), route('in', 'b')]));
  t.deepEqual(stream.delta(CDS, { initial: versions(before, CDS) }), []);
  t.deepEqual(stream.delta(LDS, { initial: versions(before, LDS) }), []);
  t.deepEqual(brief(stream.delta(RDS, { subscribe: ['in'], initial: versions(before, RDS) })), ['route in']);
  const from = stream.responses.length;
  ackAll(stream);
  t.deepEqual(brief(stream.responses.slice(from)), ['cluster -a']);
});

test('rule 9: a client that never asks for new endpoints, or for routes, is not kept waiting for ever', (t) => {
  const stream = settled();
  stream.snapshot(snapshotOf([...base, cluster('c'), endpoints('c'), route('in', 'b')]));
  ackAll(stream);
  t.true(stream.waiting);
  t.deepEqual(brief(stream.event('waited')), ['route in']);
  t.false(stream.waiting);

  const clustersOnly = new TestStream('delta', snapshotOf(base));
  clustersOnly.delta(CDS);
  ackAll(clustersOnly);
  t.deepEqual(clustersOnly.snapshot(snapshotOf([cluster('b')])), []);
  t.true(clustersOnly.waiting);
  t.deepEqual(brief(clustersOnly.event('waited')), ['cluster -a']);
});

test('rule 10: what is not known yet is held, and sent once it is', (t) => {
  const stream = new TestStream('delta');
  t.deepEqual(stream.delta(CDS), []);
  t.deepEqual(stream.delta(EDS, { subscribe: ['a', 'later'] }), []);
  t.deepEqual(brief(stream.snapshot(snapshotOf(base))), ['cluster a,b', 'endpoints a -later']);
  ackAll(stream);
  t.deepEqual(brief(stream.snapshot(snapshotOf([...base, endpoints('later')]))), ['endpoints later']);
});

test('rule 11: what was waiting to be sent is dropped when the client no longer wants it', (t) => {
  const stream = settled();
  stream.event('blocked');
  stream.snapshot(snapshotOf([...base, endpoints('a', 'b'), endpoints('b', 'b')]));
  stream.delta(EDS, { unsubscribe: ['a'] });
  t.deepEqual(brief(stream.event('drained')), ['endpoints b']);
});

test('rule 12: a stream needs a node first, and only first', (t) => {
  const stream = settled();
  t.is(stream.effects.filter(({ kind }) => kind === 'identified').length, 1);
  t.false(stream.effects.some(({ kind }) => kind === 'end'));
});

test('rule 13: nothing is sent before the mesh is known', (t) => {
  const stream = new TestStream('delta');
  stream.delta(CDS, { initial: { a: 'old' } });
  stream.delta(LDS);
  t.deepEqual(stream.responses, []);
});

test('rule 14: no name stands twice in a response', (t) => {
  const stream = new TestStream('delta', snapshotOf(base));
  const [response] = stream.delta(CDS, { subscribe: ['*', 'a', 'a', 'b', 'none', 'none'] });
  t.deepEqual(names(response), ['a', 'b']);
  t.deepEqual(response?.removed, ['none']);
});

test('rule 15: a type that is not served, such as ECDS, is never answered by a removal', (t) => {
  const stream = settled();
  const ecds = 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig';
  t.deepEqual(stream.delta(ecds, { subscribe: ['filter'] }), []);
  t.deepEqual(stream.effects.at(-1), { kind: 'unknown type', typeUrl: ecds });
});

test('rule 16: clusters can be asked for on demand, one by one', (t) => {
  const stream = new TestStream('delta', snapshotOf(base));
  t.deepEqual(brief(stream.delta(CDS, { subscribe: ['a'] })), ['cluster a']);
  t.deepEqual(brief(stream.delta(CDS, { subscribe: ['none'] })), ['cluster -none']);
  ackAll(stream);
  t.deepEqual(stream.snapshot(snapshotOf([...base, cluster('b', 'b')])), []);
});

test('a client that comes back with everything is sent nothing', (t) => {
  const before = settled();
  const stream = new TestStream('delta', snapshotOf(base));
  for (const typeUrl of [CDS, EDS, SDS, LDS, RDS]) {
    const subscribe = typeUrl === CDS || typeUrl === LDS ? [] : Object.keys(versions(before, typeUrl));
    t.deepEqual(stream.delta(typeUrl, { subscribe, initial: versions(before, typeUrl) }), []);
  }
  t.is(stream.state.watches.get(CDS)?.ackedVersion, before.state.watches.get(CDS)?.ackedVersion);
});

test('a secret is sent again when its version changes, not when its bytes do', (t) => {
  const stream = settled();
  const identity = secret('identity');
  t.deepEqual(stream.snapshot(snapshotOf([...base, { ...identity, body: Buffer.from('another key') }])), []);
  t.deepEqual(brief(stream.snapshot(snapshotOf([...base, secret('identity', 'b')]))), ['secret identity']);
});

test('endpoints go out while others are under way; the same name waits for its answer and is sent once', (t) => {
  const stream = settled();
  const [first] = stream.snapshot(snapshotOf([...base, endpoints('a', 'b')]));
  t.deepEqual(brief(stream.snapshot(snapshotOf([...base, endpoints('a', 'c'), endpoints('b', 'c')]))), ['endpoints b']);
  t.deepEqual(stream.snapshot(snapshotOf([...base, endpoints('a', 'd'), endpoints('b', 'c')])), []);
  const [merged] = stream.delta(EDS, { nonce: first?.nonce ?? '' });
  t.is(Buffer.from(merged?.resources[0]?.resource.body ?? '').toString(), 'a=d');
});

test('the version of a type is a hash of what was sent, whatever the way to it', (t) => {
  const direct = settled([...base, cluster('a', 'b')]);
  const later = settled();
  later.snapshot(snapshotOf([...base, cluster('a', 'b')]));
  ackAll(later);
  t.is(later.responses.findLast(({ typeUrl }) => typeUrl === CDS)?.version, direct.responses[0]?.version);
  t.not(later.responses[0]?.version, direct.responses[0]?.version);
});

test('a node that is missing, or that is not the workload of the token, ends the stream', (t) => {
  const stream = settled();
  const { state } = new TestStream('delta');
  t.false(state.identified);
  const stranger = new TestStream('delta', snapshotOf(base), 'bakery/payments-0');
  stranger.delta(CDS);
  t.deepEqual(stranger.responses, []);
  t.like(stranger.effects[0], { kind: 'end', code: 'permissionDenied' });
  t.true(stranger.state.closed);
  stream.state.identified = false;
  stream.delta(CDS, {});
  t.like(stream.effects.at(-1), { kind: 'end', code: 'invalidArgument' });
});

test('the words of a refused secret are kept without what they quote of it', (t) => {
  const stream = new TestStream('delta', snapshotOf(base));
  const [sent] = stream.delta(SDS, { subscribe: ['identity'] });
  const error =
    'tls_certificate { private_key { inline_bytes: "-----BEGIN \\"KEY\\" abc" } }: key and certificate differ, "abc';
  stream.delta(SDS, { nonce: sent?.nonce ?? '', error });
  const words = stream.state.watches.get(SDS)?.refusal?.message;
  t.is(words, 'tls_certificate { private_key { inline_bytes: "..." } }: key and certificate differ, "..."');
});

test('a client that drops a resource has acknowledged the rest', (t) => {
  const stream = settled();
  stream.delta(EDS, { unsubscribe: ['a'] });
  const watch = stream.state.watches.get(EDS);
  t.is(watch?.ackedVersion, setVersion(digestOf('b', watch?.held.get('b')?.version ?? '')));
});

/** What a client names when it comes back. */
function versions(stream: TestStream, typeUrl: (typeof typeUrls)[keyof typeof typeUrls]): Record<string, string> {
  const held = stream.state.watches.get(typeUrl)?.held;
  return Object.fromEntries([...(held?.names() ?? [])].map((name) => [name, held?.get(name)?.version ?? '']));
}
