import { typeUrls } from '@weft/compiler/envoy/resource';
import test from 'ava';
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

const wanted: Readonly<Record<string, readonly string[]>> = {
  [CDS]: [],
  [EDS]: ['a', 'b'],
  [SDS]: ['identity'],
  [LDS]: [],
  [RDS]: ['in'],
};

const answered = new WeakMap<TestStream, number>();

/** Acknowledges every response that was not answered yet, also those that come of it. */
function ackAll(stream: TestStream, asks = wanted): void {
  for (let at = answered.get(stream) ?? 0; at < stream.responses.length; at++) {
    const response = stream.responses[at];
    if (response === undefined) continue;
    const { typeUrl, nonce, version } = response;
    stream.sotw(typeUrl, { names: asks[typeUrl] ?? [], nonce, version });
    answered.set(stream, at + 1);
  }
}

/** A client that has asked for all of `base` and taken it. */
function settled(): TestStream {
  const stream = new TestStream('sotw', snapshotOf(base));
  for (const [typeUrl, asked] of Object.entries(wanted)) {
    stream.sotw(typeUrl, { names: asked });
    ackAll(stream);
  }
  return stream;
}

test('rule 1: a refused resource is not sent again until its content changes', (t) => {
  const stream = new TestStream('sotw', snapshotOf([cluster('a')]));
  const [first] = stream.sotw(CDS);
  // Its version is the last good one, as it is in an ACK of that; only the error tells.
  t.deepEqual(stream.sotw(CDS, { nonce: first?.nonce ?? '', version: '', error: 'bad' }), []);
  t.deepEqual(stream.effects.at(-1)?.kind, 'refused');
  t.deepEqual(brief(stream.snapshot(snapshotOf([cluster('a', 'b')]))), ['cluster a']);
});

test('rule 2: each response has a nonce of its own that is not its version', (t) => {
  const stream = settled();
  const nonces = stream.responses.map(({ nonce }) => nonce);
  t.is(new Set(nonces).size, nonces.length);
  t.false(stream.responses.some(({ nonce, version }) => nonce === version));
});

test('rule 3: a stale nonce is ignored, with its names', (t) => {
  const stream = new TestStream('sotw', snapshotOf(base));
  const [first] = stream.sotw(EDS, { names: ['a'] });
  t.deepEqual(stream.sotw(EDS, { names: ['a', 'b'], nonce: 'stale' }), []);
  t.deepEqual(brief(stream.sotw(EDS, { names: ['a', 'b'], nonce: first?.nonce ?? '' })), ['endpoints b']);
});

test('rule 4: nothing named means everything first, and nothing once something was named', (t) => {
  const stream = new TestStream('sotw', snapshotOf(base));
  const [first] = stream.sotw(CDS);
  t.deepEqual(names(first), ['a', 'b']);
  t.deepEqual(stream.sotw(CDS, { nonce: first?.nonce ?? '' }), []);
  t.true(stream.state.watches.get(CDS)?.subscription.wildcard);
  const [second] = stream.sotw(LDS, { names: ['in'] });
  stream.sotw(LDS, { nonce: second?.nonce ?? '' });
  t.deepEqual(stream.snapshot(snapshotOf([...base, listener('in', 'b')])), []);
});

test('rule 4: * asks for everything, and an empty list after it for nothing', (t) => {
  const stream = new TestStream('sotw', snapshotOf(base));
  const [first] = stream.sotw(CDS, { names: ['*'] });
  t.deepEqual(names(first), ['a', 'b']);
  stream.sotw(CDS, { nonce: first?.nonce ?? '' });
  t.deepEqual(stream.snapshot(snapshotOf([...base, cluster('c')])), []);
});

test('rule 5: a name that is asked for again is answered', (t) => {
  const stream = settled();
  const nonce = stream.responses.findLast(({ typeUrl }) => typeUrl === EDS)?.nonce ?? '';
  stream.sotw(EDS, { names: ['b'], nonce });
  t.deepEqual(brief(stream.sotw(EDS, { names: ['a', 'b'], nonce })), ['endpoints a']);
});

test('rule 6: a missing name is remembered, and sent when it appears', (t) => {
  const stream = new TestStream('sotw', snapshotOf(base));
  t.deepEqual(stream.sotw(EDS, { names: ['later'] }), []);
  t.deepEqual(brief(stream.snapshot(snapshotOf([...base, endpoints('later')]))), ['endpoints later']);
});

test('rule 7: absence deletes clusters and listeners; nothing empty is sent of the other types', (t) => {
  const stream = settled();
  const sent = stream.snapshot(snapshotOf([cluster('a'), cluster('b'), listener('other')]));
  t.deepEqual(brief(sent), ['listener other']);
  const none = new TestStream('sotw', snapshotOf([]));
  t.deepEqual(brief(none.sotw(LDS, { names: ['svc'] })), ['listener']);
  t.deepEqual(none.sotw(RDS, { names: ['svc'] }), []);
});

test('rule 8: a changed cluster has its endpoints sent again, after it', (t) => {
  const stream = settled();
  const sent = stream.snapshot(snapshotOf([...base, cluster('a', 'b')]));
  t.deepEqual(brief(sent), ['cluster a,b', 'endpoints a']);
});

test('rule 8: a changed cluster has its endpoints sent again on the next stream', (t) => {
  const before = settled();
  const stream = new TestStream('sotw', snapshotOf([...base, cluster('a', 'b')]));
  t.deepEqual(brief(stream.sotw(CDS, { version: last(before, CDS) })), ['cluster a,b']);
  t.deepEqual(brief(stream.sotw(EDS, { names: ['a', 'b'], version: last(before, EDS) })), ['endpoints a,b']);
});

test('rule 9: clusters and endpoints, then listeners and routes once those are taken, stale clusters last', (t) => {
  const stream = settled();
  const next = [cluster('b'), cluster('c'), endpoints('b'), endpoints('c'), listener('in', 'b'), route('in', 'b')];
  t.deepEqual(brief(stream.snapshot(snapshotOf(next))), ['cluster a,b,c']);
  const eds = stream.responses.findLast(({ typeUrl }) => typeUrl === EDS)?.nonce ?? '';
  t.deepEqual(brief(stream.sotw(EDS, { names: ['a', 'b', 'c'], nonce: eds })), ['endpoints c']);
  const from = stream.responses.length;
  ackAll(stream, { ...wanted, [EDS]: ['a', 'b', 'c'] });
  t.deepEqual(brief(stream.responses.slice(from)), ['listener in', 'route in', 'cluster b,c']);
});

test('rule 10: what is not known yet is held, and sent once it is', (t) => {
  const stream = new TestStream('sotw');
  stream.sotw(CDS);
  stream.sotw(EDS, { names: ['a'] });
  t.deepEqual(brief(stream.snapshot(snapshotOf(base))), ['cluster a,b', 'endpoints a']);
});

test('rule 11: what was waiting to be sent is dropped when the client no longer wants it', (t) => {
  const stream = settled();
  stream.event('blocked');
  stream.snapshot(snapshotOf([...base, endpoints('a', 'b'), endpoints('b', 'b')]));
  stream.sotw(EDS, { names: ['b'], nonce: stream.responses.findLast(({ typeUrl }) => typeUrl === EDS)?.nonce ?? '' });
  t.deepEqual(brief(stream.event('drained')), ['endpoints b']);
});

test('rule 14: no name stands twice in a response', (t) => {
  const stream = new TestStream('sotw', snapshotOf(base));
  const [response] = stream.sotw(CDS, { names: ['*', 'a', 'a'] });
  t.deepEqual(names(response), ['a', 'b']);
});

test('only what changed is sent of endpoints, one response at a time, the newest', (t) => {
  const stream = settled();
  const [first] = stream.snapshot(snapshotOf([...base, endpoints('a', 'b')]));
  t.deepEqual(names(first), ['a']);
  t.deepEqual(stream.snapshot(snapshotOf([...base, endpoints('a', 'c')])), []);
  const [merged] = stream.sotw(EDS, { names: ['a', 'b'], nonce: first?.nonce ?? '' });
  t.is(Buffer.from(merged?.resources[0]?.resource.body ?? '').toString(), 'a=c');
});

test('a client that comes back with the same versions is sent nothing', (t) => {
  const before = settled();
  const stream = new TestStream('sotw', snapshotOf(base));
  for (const [typeUrl, asked] of Object.entries(wanted)) {
    t.deepEqual(stream.sotw(typeUrl, { names: asked, version: last(before, typeUrl) }), [], typeUrl);
  }
});

/** The version of the newest response of a type. */
function last(stream: TestStream, typeUrl: string): string {
  return stream.responses.findLast((response) => response.typeUrl === typeUrl)?.version ?? '';
}
