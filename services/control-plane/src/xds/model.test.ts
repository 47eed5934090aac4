import { fc, testProp } from '@fast-check/ava';
import { type Resource, type Snapshot, type TypeUrl, typeUrls } from '@weft/compiler/envoy/resource';
import test from 'ava';
import { endpointsNameOf } from './endpoints-name.ts';
import { ModelClient } from './testing/model-client.ts';
import { cluster, endpoints, listener, resource, route, snapshotOf } from './testing/resources.ts';
import { covers, wholeTypes } from './watch.ts';

const pool = ['a', 'b', 'c'];
const bad = (one: Resource) => Buffer.from(one.body).includes('bad');

/** Any snapshot: of each name and type nothing, or one of two good contents, or one that clients refuse. */
const content = fc.constantFrom(undefined, 'x', 'y', 'bad');
const anySnapshot = fc.tuple(...Object.values(typeUrls).flatMap((typeUrl) => pool.map((name) => one(typeUrl, name))));

function one(typeUrl: TypeUrl, name: string) {
  // Some clusters share endpoints, or take those of another name.
  const endpointsName = fc.oneof({ weight: 3, arbitrary: fc.constant('') }, fc.constantFrom(...pool));
  return fc.tuple(content, endpointsName).map(([text, otherName]) => {
    if (text === undefined) return undefined;
    return typeUrl === typeUrls.cluster ? cluster(name, text, otherName) : resource(typeUrl, name, text);
  });
}

type Move =
  | { readonly kind: 'snapshot'; readonly resources: readonly (Resource | undefined)[] }
  | {
      readonly kind: 'want';
      readonly typeUrl: TypeUrl;
      readonly add: readonly string[];
      readonly drop: readonly string[];
    }
  | { readonly kind: 'want all'; readonly typeUrl: TypeUrl }
  | { readonly kind: 'answer nothing'; readonly typeUrl: TypeUrl }
  | { readonly kind: 'reconnect' | 'push' | 'to server' | 'to client' | 'blocked' | 'drained' };

/** Endpoints are asked for by the client itself, as its clusters come and go. */
const asked = [typeUrls.cluster, typeUrls.secret, typeUrls.listener, typeUrls.route];
const someNames = fc.subarray([...pool, '*']);

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: anySnapshot.map((resources) => ({ kind: 'snapshot' as const, resources })) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('want' as const),
      typeUrl: fc.constantFrom(...asked),
      add: someNames,
      drop: someNames,
    }),
  },
  { weight: 2, arbitrary: fc.constantFrom(...wholeTypes).map((typeUrl) => ({ kind: 'want all' as const, typeUrl })) },
  { weight: 1, arbitrary: fc.constantFrom(...asked).map((typeUrl) => ({ kind: 'answer nothing' as const, typeUrl })) },
  { weight: 1, arbitrary: fc.constantFrom('reconnect' as const, 'blocked' as const).map((kind) => ({ kind })) },
  { weight: 2, arbitrary: fc.constantFrom('push' as const, 'drained' as const).map((kind) => ({ kind })) },
  { weight: 9, arbitrary: fc.constantFrom('to server' as const, 'to client' as const).map((kind) => ({ kind })) },
);

function play(client: ModelClient, moves: readonly Move[]): Snapshot {
  let snapshot = snapshotOf([]);
  client.turn(snapshot);
  for (const next of moves) {
    switch (next.kind) {
      case 'snapshot':
        snapshot = snapshotOf(next.resources.filter((candidate) => candidate !== undefined));
        client.turn(snapshot);
        break;
      case 'want':
        client.want(next.typeUrl, next.add, next.drop);
        break;
      case 'want all':
        client.wantAll(next.typeUrl);
        break;
      case 'answer nothing':
        client.answerNothing(next.typeUrl);
        break;
      case 'reconnect':
        client.reconnect();
        break;
      case 'push':
        client.push();
        break;
      case 'to server':
        client.deliverToServer();
        break;
      case 'to client':
        client.deliverToClient();
        break;
      default:
        client.transport(next.kind);
    }
  }
  client.settle();
  return snapshot;
}

/** What is wrong with what a client holds at rest. */
function complaints(client: ModelClient, snapshot: Snapshot, variant: 'delta' | 'sotw'): string[] {
  const found: string[] = [];
  for (const [typeUrl, view] of client.views) {
    const part = snapshot.get(typeUrl) ?? new Map<string, Resource>();
    for (const [name, expected] of part) {
      if (!covers(view, name) || bad(expected)) continue;
      const held = view.held.get(name)?.resource;
      if (held?.version !== expected.version)
        found.push(`${typeUrl} ${name}: has ${held?.version}, not ${expected.version}`);
    }
    // State of the world has no word for the removal of the other types.
    if (variant === 'sotw' && !wholeTypes.has(typeUrl)) continue;
    const needed = [part, snapshot.get(typeUrls.listener), snapshot.get(typeUrls.route)];
    const refused = needed.some((others) => [...(others?.values() ?? [])].some(bad));
    for (const name of view.held.keys())
      if (!part.has(name) && !refused) found.push(`${typeUrl} ${name}: is still there`);
  }
  for (const name of client.warming) {
    if (snapshot.get(typeUrls.endpoints)?.has(name) && !isBad(snapshot, name))
      found.push(`cluster ${name} waits for endpoints`);
  }
  return found;
}

function isBad(snapshot: Snapshot, name: string): boolean {
  const clusters = [...(snapshot.get(typeUrls.cluster)?.values() ?? [])];
  const needed = [
    snapshot.get(typeUrls.endpoints)?.get(name),
    ...clusters.filter((each) => endpointsNameOf(each) === name),
  ];
  return needed.some((candidate) => candidate !== undefined && bad(candidate));
}

for (const variant of ['delta', 'sotw'] as const) {
  testProp(
    `${variant}: after any history the client comes to hold exactly what it wants of the snapshot, and no cluster waits (rules 1 to 8, 10, 11, 14)`,
    [fc.array(move, { maxLength: 60 })],
    (t, moves) => {
      const client = new ModelClient(variant, { refuses: bad });
      const snapshot = play(client, moves);
      t.deepEqual(complaints(client, snapshot, variant), []);
    },
    { numRuns: 400 },
  );

  testProp(
    `${variant}: rule 9: at every moment each route that the client holds leads to a cluster that can take calls, also when an answer comes between a change and its push`,
    [
      fc.array(
        fc.oneof(
          { weight: 2, arbitrary: consistentSnapshot().map((resources) => ({ kind: 'snapshot' as const, resources })) },
          {
            weight: 6,
            arbitrary: fc
              .constantFrom('push' as const, 'to server' as const, 'to client' as const)
              .map((kind) => ({ kind })),
          },
          // In state of the world a new stream does not say what the client holds, so that nothing stale can be kept for it.
          { weight: variant === 'delta' ? 1 : 0, arbitrary: fc.constant({ kind: 'reconnect' as const }) },
        ),
        { maxLength: 80 },
      ),
      consistentSnapshot(),
    ],
    (t, moves, start) => {
      const dangling: string[] = [];
      const client: ModelClient = new ModelClient(variant, {
        refuses: () => false,
        onChange: () => {
          for (const { resource: held } of client.views.get(typeUrls.route)?.held.values() ?? []) {
            const target = Buffer.from(held.body).toString().split('>')[1] ?? '';
            const there = client.views.get(typeUrls.cluster)?.held.has(target) && client.ready.has(target);
            if (!there) dangling.push(`${held.name} leads to ${target}`);
          }
        },
      });
      let snapshot = snapshotOf(start);
      client.turn(snapshot);
      client.wantAll(typeUrls.cluster);
      client.settle();
      client.wantAll(typeUrls.listener);
      client.want(typeUrls.route, ['in', 'out']);
      for (const next of moves) {
        if (next.kind === 'snapshot') {
          snapshot = snapshotOf(next.resources);
          client.turn(snapshot);
        } else if (next.kind === 'push') client.push();
        else if (next.kind === 'reconnect') client.reconnect();
        else if (next.kind === 'to server') client.deliverToServer();
        else client.deliverToClient();
      }
      client.settle();
      t.deepEqual(dangling, []);
      t.deepEqual(complaints(client, snapshot, variant), []);
    },
    { numRuns: 300 },
  );
}

testProp(
  'delta: a client at rest that comes back is sent nothing',
  [fc.array(move, { maxLength: 40 }).map((moves) => moves.filter(({ kind }) => kind !== 'reconnect'))],
  (t, moves) => {
    const good = moves.map((next) =>
      next.kind === 'snapshot'
        ? { ...next, resources: next.resources.filter((r) => r !== undefined && !bad(r) && hasOwnEndpoints(r)) }
        : next,
    );
    const client = new ModelClient('delta', { refuses: bad });
    play(client, good);
    client.reconnect();
    while (client.deliverToServer());
    const sent: string[] = [];
    for (const [typeUrl, watch] of client.stream.watches) {
      // What does not exist is asked for again, and its absence told again.
      for (const { resources } of watch.outstanding) for (const { name } of resources) sent.push(`${typeUrl} ${name}`);
    }
    t.deepEqual(sent, []);
  },
  { numRuns: 200 },
);

/**
 * Whether it is no cluster that takes endpoints under another name. Where such a cluster goes while its endpoints come to be another's, they
 * may be sent once more than is needed.
 */
function hasOwnEndpoints(one: Resource): boolean {
  return one.typeUrl !== typeUrls.cluster || endpointsNameOf(one) === one.name;
}

/** Some clusters with their endpoints, a listener, and routes that lead to those clusters. */
function consistentSnapshot(): fc.Arbitrary<Resource[]> {
  return fc
    .record({
      clusters: fc.uniqueArray(fc.constantFrom(...pool, 'd'), { minLength: 1 }),
      contents: fc.array(fc.constantFrom('x', 'y'), { minLength: 4, maxLength: 4 }),
      targets: fc.tuple(fc.nat(), fc.nat()),
      listenerContent: fc.constantFrom('x', 'y'),
    })
    .map(({ clusters, contents, targets, listenerContent }) => {
      const target = (index: number) => `>${clusters[index % clusters.length]}`;
      return [
        ...clusters.map((name, index) => cluster(name, contents[index])),
        ...clusters.map((name, index) => endpoints(name, contents[index])),
        listener('in', listenerContent),
        route('in', target(targets[0])),
        route('out', target(targets[1])),
      ];
    });
}

test('the model refuses what it is to refuse', (t) => {
  t.true(bad(cluster('a', 'bad')));
  t.false(bad(cluster('a', 'x')));
});
