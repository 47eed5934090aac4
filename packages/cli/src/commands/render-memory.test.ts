import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { RevisionSchema, WhyResponseSchema } from '@weft/api/weft/api/v1/mesh';
import test from 'ava';
import { CommandError } from '../command-error.ts';
import { localTime, renderHistory } from './history.ts';
import { renderWhy, timeOf } from './why.ts';

const plain = (_: string, text: string) => text;

test('history: a line each, long causes cut, refusals below', (t) => {
  const at = timestampFromMs(0);
  const answers = [{ workload: 'bakery/orders-0', nack: 'outbound: no' }];
  const revisions = [
    create(RevisionSchema, { id: 'b2', at, causes: ['a', 'b', 'c', 'd', 'e'], sent: 3, acknowledged: 2, answers }),
    create(RevisionSchema, { id: 'a1', at, causes: ['the first configuration'] }),
  ];
  t.deepEqual(renderHistory(revisions, plain).split('\n'), [
    'REVISION  PUSHED               TAKEN  CAUSE',
    `b2        ${localTime(0)}  2/3    a; b; c; 2 more`,
    `a1        ${localTime(0)}  -      the first configuration`,
    'b2 refused by bakery/orders-0: outbound: no',
  ]);
});

test('why: the verdict and what would change it, then each station', (t) => {
  const values = [
    { name: 'deadline', value: '5 s', source: 'default' },
    { name: 'retry', value: 'none', source: '' },
  ];
  const answer = create(WhyResponseSchema, {
    verdict: 'weft: a may not call b',
    advice: 'callers: ["a"]',
    steps: [{ name: 'route', summary: '/b', values }],
  });
  t.is(
    renderWhy(answer, plain),
    'weft: a may not call b\n  to change that: callers: ["a"]\n\nroute  /b\n  deadline  5 s  (default)\n  retry     none',
  );
});

test('why --at: a time, or how long ago', (t) => {
  t.is(timeOf('10m', 1_000_000), 400_000);
  t.is(timeOf('1970-01-01T00:00:05Z', 1_000_000), 5000);
  t.throws(() => timeOf('yesterday', 0), { instanceOf: CommandError });
});
