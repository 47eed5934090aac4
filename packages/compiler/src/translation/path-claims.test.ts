import { type Change, Graph } from '@weft/collections';
import test from 'ava';
import { type Claimant, type Claims, maxGonePaths, PathClaims } from './path-claims.ts';

test('a namespace that publishes other paths all the time is not remembered without end', (t) => {
  const graph = new Graph();
  const claims = new PathClaims(graph.source<Claims>('claims'));
  const service = 'edge\naaa/things';
  for (let turn = 0; turn < 60; turn++) {
    const paths = Array.from({ length: 1000 }, (_, n) => `GET /v1/${turn}/${n}`);
    const changes = new Map<string, Change<Claimant>>([
      [service, { after: { paths } }],
      ['edge\nbakery/orders', { after: { paths: turn === 0 ? ['GET /v1/orders'] : [] } }],
    ]);
    graph.turn(() => claims.begin(turn));
    claims.note(changes, turn);
  }
  const stored = Object.keys(claims.stored(60));
  t.true(stored.length <= 2 * maxGonePaths + 1001, `${stored.length}`);
  t.true(stored.includes(`${service}\nGET /v1/59/0`));
  t.true(stored.includes(`${service}\nGET /v1/58/0`));
  t.false(stored.includes(`${service}\nGET /v1/0/0`));
  // Another namespace's are its own.
  t.true(stored.includes('edge\nbakery/orders\nGET /v1/orders'));
});
