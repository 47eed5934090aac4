import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ProxySync, RevisionSchema, WhyResponseSchema } from '@weft/api/weft/api/v1/mesh';
import test from 'ava';
import { mergeExplanations, mergeRevisions } from './merge-memory.ts';

const revision = (id: string, seconds: number, workload: string, acknowledged = 1) =>
  create(RevisionSchema, {
    id,
    at: timestampFromMs(seconds * 1000),
    causes: ['something changed'],
    sent: 1,
    acknowledged,
    answers: [{ workload }],
  });

test('histories of several replicas: what both pushed is one line with the proxies of both', (t) => {
  const one = [revision('c', 60, 'bakery/a'), revision('b', 40, 'bakery/a'), revision('a', 0, 'bakery/a')];
  const two = [revision('c', 61, 'bakery/b', 0), revision('b', 52, 'bakery/b'), revision('a', 1, 'bakery/b')];
  const merged = mergeRevisions([one, two]);
  t.deepEqual(
    merged.map(({ id, sent, acknowledged }) => [id, sent, acknowledged]),
    [
      ['c', 2, 1],
      // Twelve seconds apart: there and back, as far as anybody can tell.
      ['b', 1, 1],
      ['b', 1, 1],
      ['a', 2, 2],
    ],
  );
  t.deepEqual(
    merged[0]?.answers.map(({ workload }) => workload),
    ['bakery/a', 'bakery/b'],
  );
  t.deepEqual(mergeRevisions([one]), one);
});

test('why: of each proxy the word of the replica that it is connected to', (t) => {
  const away = ['it is not here', ProxySync.NOT_CONNECTED] as const;
  const taken = ['it has all', ProxySync.IN_SYNC] as const;
  const refuses = ['it refuses', ProxySync.REFUSED] as const;
  const answer = (...said: (readonly [string, ProxySync])[]) =>
    create(WhyResponseSchema, {
      steps: [
        {
          name: 'listener',
          values: said.map(([source, proxySync], index) => ({ name: `bakery/${index}`, source, proxySync })),
        },
      ],
    });
  const merged = mergeExplanations([answer(away, taken, away), answer(refuses, away, away)]);
  t.deepEqual(
    merged.steps[0]?.values.map(({ source, proxySync }) => [source, proxySync]),
    [[...refuses], [...taken], [...away]],
  );
});
